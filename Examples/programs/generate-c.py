"""Prints a C program of many small numeric functions: a few seconds' work for a compiler."""
import random

random.seed(7)
COUNT = 420
print("#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <math.h>")
for i in range(COUNT):
    print(f"""static double f{i}(double x, int n) {{
    double s = {random.random():.4f};
    for (int k = 0; k < n; k++) {{
        s += x * k + {random.random():.4f};
        if (s > {random.randint(100, 9999)}) s = sqrt(s) - {i};
        else s = s * {random.random():.3f} + fabs(x - k);
        switch (k % 5) {{ case 0: s += 1; break; case 1: s -= x; break; case 2: s *= 1.01; break; default: s += k; }}
    }}
    return s;
}}""")
print("int main(int argc, char **argv) {\n    double t = argc;")
for i in range(COUNT):
    print(f"    t += f{i}(t, {random.randint(3, 40)});")
print('    printf("%f\\n", t);\n    return 0;\n}')
