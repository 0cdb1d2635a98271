// A thread and its processors: Glibc has these calls behind _GNU_SOURCE, and Swift does not see them.
#define _GNU_SOURCE
#include "quire_processors.h"

#include <sched.h>
#include <sys/resource.h>

int quire_processors(int *numbers, int most)
{
    cpu_set_t set;
    int count = 0;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 0;
    for (int number = 0; number < CPU_SETSIZE && count < most; number++)
        if (CPU_ISSET(number, &set))
            numbers[count++] = number;
    return count;
}

int quire_run_on(int processor)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(processor, &set);
    return sched_setaffinity(0, sizeof set, &set);
}

long quire_preemptions(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_THREAD, &usage) == 0 ? usage.ru_nivcsw : 0;
}
