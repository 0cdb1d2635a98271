// A workload as a C program that stands alone: the calls one after the other, each with its result, and at the end what
// /proc says of every process. Processes take turns: a counter in shared memory says whose call is next.

/// Writes C.
public enum Reproducer {
    /// The program for a workload.
    public static func program(_ operations: [Operation], comment: String) -> String {
        let lines = runnable(operations)
        var text = comment.split(separator: "\n").reduce("") { $0 + "// \($1)\n" }
        text += prelude
        for operation in lines { text += "    STEP(\(operation.process), \(statement(operation)));\n" }
        text += "    for (int who = 0; who <= \((lines.map(\.process).max() ?? 0)); who++) if (me == who) show();\n"
        // The first process leaves last, when its children have shown what they have.
        return text + "    while (wait(0) > 0);\n    return 0;\n}\n"
    }

    private static func statement(_ operation: Operation) -> String {
        let line = "\"" + operation.line.filter { $0 != "\"" } + "\""
        func number(_ index: Int) -> String { hex(operation.argument(index)) + "ul" }
        func call(_ name: String, _ count: Int) -> String {
            let list = (0..<count).map { ", " + number($0) }.joined()
            return "CALL(\(line), syscall(SYS_\(name)\(list)))"
        }
        switch operation.call {
        case .mmap: return call("mmap", 6)
        case .munmap: return call("munmap", 2)
        case .mprotect: return call("mprotect", 3)
        case .mremap: return call("mremap", 5)
        case .madvise: return call("madvise", 3)
        case .mlock: return call("mlock", 2)
        case .mlock2: return call("mlock2", 3)
        case .munlock: return call("munlock", 2)
        case .ftruncate: return call("ftruncate", 2)
        case .memfd: return "CALL(\(line), syscall(SYS_memfd_create, \"conform\", 1))"
        case .mincore: return "residence(\(line), \(number(0)), \(number(1)))"
        case .store: return "access_bytes(\(line), \(number(0)), \(number(1)), 1, 1, \(number(2)))"
        case .load: return "access_bytes(\(line), \(number(0)), \(number(1)), 1, 0, 0)"
        case .touchWrite: return "access_bytes(\(line), \(number(0)), \(number(1)), 4096, 1, -1)"
        case .touchRead: return "access_bytes(\(line), \(number(0)), \(number(1)), 4096, 0, 0)"
        case .fork: return "become(\(line), \(operation.argument(0)))"
        case .exit: return "*turn += 1; _exit(0)"
        }
    }

    private static let prelude = """
        // Build: cc -o reproducer this.c; run as root, with address randomisation as it is.
        #define _GNU_SOURCE
        #include <errno.h>
        #include <sched.h>
        #include <setjmp.h>
        #include <signal.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/mman.h>
        #include <sys/syscall.h>
        #include <sys/wait.h>
        #include <unistd.h>

        static volatile int *turn;
        static int me;
        static sigjmp_buf out;
        static volatile siginfo_t caught;

        static void on_signal(int number, siginfo_t *info, void *context) {
            caught = *info;
            siglongjmp(out, number);
        }

        static void access_bytes(const char *line, unsigned long at, unsigned long count, unsigned long step, int write,
                                 int byte) {
            unsigned long end = at + count, hash = 0xcbf29ce484222325;
            int number = sigsetjmp(out, 1);
            if (number) {
                printf("%s = signal %d code %d at %p\\n", line, number, caught.si_code, caught.si_addr);
                return;
            }
            while (at < end) {
                volatile unsigned char *place = (void *)at;
                if (write) *place = byte < 0 ? at >> 12 : byte;
                else hash = (hash ^ *place) * 0x100000001b3;
                at = step == 1 ? at + 1 : (at & ~4095ul) + 4096;
            }
            printf("%s = done%s%lx\\n", line, write ? " " : " fnv1a64 ", write ? 0 : hash);
        }

        static void residence(const char *line, unsigned long at, unsigned long count) {
            static unsigned char pages[1 << 20];
            long result = syscall(SYS_mincore, at, count, pages);
            printf("%s = %ld %s ", line, result, result < 0 ? strerror(errno) : "");
            for (unsigned long page = 0; result == 0 && page < count / 4096; page++) printf("%d", pages[page] & 1);
            printf("\\n");
        }

        static void become(const char *line, int number) {
            long child = fork();
            if (child == 0) me = number; else printf("%s\\n", line);
        }

        static void show(void) {
            char text[512];
            int inside = 0;
            FILE *file = fopen("/proc/self/smaps", "r");
            while (file && fgets(text, sizeof text, file)) {
                unsigned long start;
                if (sscanf(text, "%lx-", &start) == 1 && strchr(text, '-') < strchr(text, ' ')) {
                    inside = start >> 40 == 0x10;
                    if (inside) printf("process %d: %s", me, text);
                } else if (inside && (!strncmp(text, "Rss:", 4) || !strncmp(text, "Anonymous:", 10)
                                      || !strncmp(text, "Locked:", 7) || !strncmp(text, "VmFlags:", 8))) {
                    printf("    %s", text);
                }
            }
        }

        #define CALL(line, call) do { \\
                errno = 0; \\
                long result = (call); \\
                printf("%s = %#lx %s\\n", line, result, errno ? strerror(errno) : ""); \\
            } while (0)
        #define STEP(who, ...) do { \\
                while (*turn != step) sched_yield(); \\
                if (me == (who)) { int mine = me; __VA_ARGS__; if (me == mine) *turn = step + 1; } \\
                else while (*turn == step) sched_yield(); \\
                step++; \\
            } while (0)

        int main(void) {
            int step = 0;
            struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
            sigaction(SIGSEGV, &action, 0);
            sigaction(SIGBUS, &action, 0);
            setvbuf(stdout, 0, _IONBF, 0);
            turn = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

        """
}
