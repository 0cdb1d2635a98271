// quire conform: seed-19, shrunk from 178 operations
// line 2 msync: result: model none | reference 0
// Build: cc -o reproducer this.c; run as root, with address randomisation as it is.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif

static volatile int *turn;
static int me, children[1024];
static sigjmp_buf out;
static volatile siginfo_t caught;

static void on_signal(int number, siginfo_t *info, void *context) {
    caught = *info;
    siglongjmp(out, number);
}

__attribute__((unused)) static void access_bytes(const char *line, unsigned long at, unsigned long count, unsigned long step, int write,
                         int byte) {
    unsigned long end = at + count, hash = 0xcbf29ce484222325;
    int number = sigsetjmp(out, 1);
    if (number) {
        printf("%s = signal %d code %d at %p\n", line, number, caught.si_code, caught.si_addr);
        return;
    }
    while (at < end) {
        volatile unsigned char *place = (void *)at;
        if (write) *place = byte < 0 ? at >> 12 : byte;
        else hash = (hash ^ *place) * 0x100000001b3;
        at = step == 1 ? at + 1 : (at & ~4095ul) + 4096;
    }
    printf("%s = done%s%lx\n", line, write ? " " : " fnv1a64 ", write ? 0 : hash);
}

__attribute__((unused)) static void residence(const char *line, unsigned long at, unsigned long count) {
    static unsigned char pages[1 << 16];
    long result = syscall(SYS_mincore, at, count, pages);
    printf("%s = %ld %s ", line, result, result < 0 ? strerror(errno) : "");
    for (unsigned long page = 0; result == 0 && page < count / 4096; page++) printf("%d", pages[page] & 1);
    printf("\n");
}

__attribute__((unused)) static void read_text(const char *line, int file, unsigned long count, unsigned long offset) {
    static unsigned char bytes[1 << 16];
    long result = syscall(SYS_pread64, file, bytes, count, offset);
    printf("%s = %ld %s ", line, result, result < 0 ? strerror(errno) : "");
    for (long place = 0; place < result; place++) printf("%02x", bytes[place]);
    printf("\n");
}

__attribute__((unused)) static void advise_self(const char *line, unsigned long at, unsigned long count, unsigned long advice) {
    struct { unsigned long at, count; } range = {at, count};
    long result = syscall(SYS_process_madvise, -10000, &range, 1, advice, 0);
    printf("%s = %ld %s\n", line, result, result < 0 ? strerror(errno) : "");
}

// The heap begins where a workload's does.
__attribute__((unused)) static void place_heap(void) {
    unsigned long map[13];
    for (int at = 0; at < 13; at++) map[at] = 0x10000; // code, data, stack, arguments, environment
    map[1] = 0x11000; // the end of the code
    map[4] = map[5] = 0x180000000000; // the heap
    map[11] = 0, map[12] = 0xffffffff00000000; // no auxiliary vector, no program
    if (syscall(SYS_prctl, PR_SET_MM, PR_SET_MM_MAP, map, sizeof map, 0)) perror("the heap's place");
}

__attribute__((unused)) static void become(const char *line, int number) {
    long child = fork();
    if (child == 0) me = number; else { children[number] = child; printf("%s\n", line); }
}

static void show(void) {
    char text[512];
    int inside = 0;
    FILE *file = fopen("/proc/self/smaps", "r");
    while (file && fgets(text, sizeof text, file)) {
        unsigned long start;
        if (sscanf(text, "%lx-", &start) == 1 && strchr(text, '-') < strchr(text, ' ')) {
            inside = start >> 44 == 1;
            if (inside) printf("process %d: %s", me, text);
        } else if (inside && (!strncmp(text, "Rss:", 4) || !strncmp(text, "Anonymous:", 10)
                              || !strncmp(text, "Locked:", 7) || !strncmp(text, "VmFlags:", 8))) {
            printf("    %s", text);
        }
    }
}

#define CALL(line, call) do { \
        errno = 0; \
        long result = (call); \
        printf("%s = %#lx %s\n", line, result, errno ? strerror(errno) : ""); \
    } while (0)
#define STEP(who, ...) do { \
        while (*turn != step) sched_yield(); \
        if (me == (who)) { int mine = me; __VA_ARGS__; if (me == mine) *turn = step + 1; } \
        else while (*turn == step) sched_yield(); \
        step++; \
    } while (0)

int main(void) {
    int step = 0;
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &action, 0);
    sigaction(SIGBUS, &action, 0);
    setvbuf(stdout, 0, _IONBF, 0);
    turn = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    STEP(0, CALL("mmap(0x10000028c000, 0x1000, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS, -1, 0x0)", syscall(SYS_mmap, 0x10000028c000ul, 0x1000ul, 0x3ul, 0x32ul, 0x3ul, 0x0ul)));
    STEP(0, CALL("msync(0x100000200000, 0x200000, MS_ASYNC)", syscall(SYS_msync, 0x100000200000ul, 0x200000ul, 0x1ul)));
    for (int who = 0; who <= 0; who++) if (me == who) show();
    while (wait(0) > 0);
    return 0;
}
