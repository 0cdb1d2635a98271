// The controller's side: how a worker comes to be, and the channel's messages. What Swift cannot say: fork, the stack that
// a signal is delivered on, descriptors that travel with a message, system calls by number.
#define _GNU_SOURCE
#include "layout.h"
#include "system_call.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if QUIRE_HAS_SYSTEM_CALL

// ---- What the worker keeps ----

struct line {
    struct range range;
    char perms[8], file[64]; // device and inode
    int is_kernels, is_vdso;
};

static int parse_line(const char *text, struct line *out)
{
    char device[32], inode[24];
    int path = 0;
    if (sscanf(text, "%" SCNx64 "-%" SCNx64 " %7s %*s %31s %23s %n", &out->range.start, &out->range.end, out->perms,
            device, inode, &path) < 5)
        return 0;
    snprintf(out->file, sizeof out->file, "%s %s", device, inode);
    out->is_kernels = !strncmp(text + path, "[v", 2);
    out->is_vdso = !strncmp(text + path, "[vdso", 5);
    return 1;
}

/// Reads /proc/self/maps line by line: the file that the worker's code lies in, or, once that is known, what to keep.
static int read_maps(char file[64], struct block *block)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    char text[4352];
    struct line line;
    uint64_t code = (uint64_t)&quire_worker_enter;
    if (!maps)
        return -1;
    while (fgets(text, sizeof text, maps)) {
        if (!parse_line(text, &line) || line.range.end > MOST_ADDRESS)
            continue;
        if (!block && code >= line.range.start && code < line.range.end)
            strcpy(file, line.file);
        // The code and its constants, which the loader has made read-only. The kernel's own pages may be sealed.
        int is_own = !strcmp(line.file, file) && line.perms[0] == 'r' && line.perms[1] != 'w';
        if (block && (is_own || line.is_kernels) && block->kept_count < MOST_RANGES - 1) {
            line.range.readable = is_own || line.is_vdso; // pages of [vvar] may answer SIGBUS
            block->kept[block->kept_count++] = line.range;
        }
    }
    fclose(maps);
    return file[0] ? 0 : -1;
}

/// Puts the block into the list, which is in the order of addresses.
static void keep_block(struct block *block)
{
    uint64_t at = block->kept_count++;
    for (; at > 0 && block->kept[at - 1].start > QUIRE_SCRATCH; at--)
        block->kept[at] = block->kept[at - 1];
    block->kept[at].start = QUIRE_SCRATCH;
    block->kept[at].end = QUIRE_SCRATCH + BLOCK_SIZE;
    block->kept[at].readable = 0; // it is touched anyhow
}

// ---- From a fork to a worker ----

static void settle_descriptors(int channel)
{
    int high = fcntl(channel, F_DUPFD, CHANNEL_LEAST), null = open("/dev/null", O_RDWR);
    for (int fd = 0; fd < 3; fd++)
        dup2(null, fd);
    syscall(SYS_close_range, 3u, (unsigned)high - 1, 0u);
    syscall(SYS_close_range, (unsigned)high + 1, ~0u, 0u);
    BLOCK->channel = high;
}

static void settle_signals(void)
{
    struct sigaction usual, fault;
    sigset_t none;
    memset(&usual, 0, sizeof usual);
    memset(&fault, 0, sizeof fault);
    usual.sa_handler = SIG_DFL;
    for (int signal = 1; signal < 32; signal++)
        sigaction(signal, &usual, NULL);
    fault.sa_sigaction = (void (*)(int, siginfo_t *, void *))quire_worker_enter;
    fault.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    sigaction(SIGSEGV, &fault, NULL);
    sigaction(SIGBUS, &fault, NULL);
    sigaction(SIGUSR1, &fault, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/// The C library has the kernel write to this thread's memory whenever it is scheduled; that memory will be gone.
static void end_restartable_sequences(void)
{
#if defined(__GLIBC__)
    extern const ptrdiff_t __rseq_offset __attribute__((weak));
    extern const unsigned int __rseq_size __attribute__((weak));
    if (!&__rseq_offset || !&__rseq_size)
        return;
#if defined(__x86_64__)
    char *thread;
    __asm__("mov %%fs:0, %0" : "=r"(thread)); // the compiler has no name for it on this architecture
#else
    char *thread = (char *)__builtin_thread_pointer();
#endif
    unsigned int sizes[2] = { 32, __rseq_size };
    for (int i = 0; i < 2; i++)
        if (syscall(SYS_rseq, thread + __rseq_offset, sizes[i], 1 /* unregister */, 0x53053053) == 0)
            return;
#endif
}

/// A workload that uses up the machine's memory ends itself, not somebody else.
static void offer_for_out_of_memory(void)
{
    int file = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (file < 0)
        return;
    (void)!write(file, "1000", 4);
    close(file);
}

static _Noreturn void become_worker(int channel, int cpu, const char *directory)
{
    cpu_set_t only;
    stack_t stack;
    CPU_ZERO(&only);
    CPU_SET(cpu, &only);
    sched_setaffinity(0, sizeof only, &only);
    if (chdir(directory))
        _exit(98);
    offer_for_out_of_memory();
    settle_descriptors(channel);
    settle_signals();
    end_restartable_sequences();
    memset(&stack, 0, sizeof stack);
    stack.ss_sp = BLOCK->stacks[0];
    stack.ss_size = STACK_SIZE;
    stack.ss_flags = (int)(1u << 31); // SS_AUTODISARM
    if (sigaltstack(&stack, NULL))
        _exit(97);
    syscall(SYS_kill, syscall(SYS_getpid), SIGUSR1);
    _exit(96);
}

int32_t quire_worker_start(int channel, int cpu, const char *directory)
{
    // Made before the fork, with the library still there; given back by this side right after.
    struct block *block = mmap((void *)QUIRE_SCRATCH, BLOCK_SIZE, PROT_READ | PROT_WRITE,
        MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    char file[64] = "";
    if (block == MAP_FAILED)
        return -1;
    if (block != BLOCK) {
        munmap(block, BLOCK_SIZE);
        errno = EEXIST;
        return -1;
    }
    madvise(block, BLOCK_SIZE, MADV_NOHUGEPAGE);
    int32_t pid = -1;
    if (read_maps(file, NULL) == 0 && read_maps(file, block) == 0) {
        keep_block(block);
        pid = (int32_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
        if (pid == 0)
            become_worker(channel, cpu, directory);
    }
    int error = errno;
    munmap(block, BLOCK_SIZE);
    errno = error;
    return pid;
}

int quire_worker_possible(void)
{
    // The window and the block beyond it must lie inside of the address space, and pages be of 4 kB.
    return sysconf(_SC_PAGESIZE) == (long)PAGE;
}

#else

int32_t quire_worker_start(int channel, int cpu, const char *directory)
{
    (void)channel, (void)cpu, (void)directory;
    errno = ENOSYS;
    return -1;
}

int quire_worker_possible(void)
{
    return 0;
}

#endif

uint64_t quire_call_number(enum quire_call call)
{
    static const uint16_t numbers[] = {
        SYS_mmap, SYS_munmap, SYS_mprotect, SYS_mremap, SYS_madvise, SYS_mlock, SYS_mlock2, SYS_munlock, SYS_mlockall,
        SYS_munlockall, SYS_msync, SYS_mincore, SYS_ftruncate, SYS_fallocate, SYS_close, SYS_dup, SYS_pread64,
        SYS_pwrite64, SYS_openat, SYS_memfd_create, SYS_prctl, SYS_wait4, SYS_exit_group, SYS_brk, SYS_process_madvise,
        SYS_pidfd_open, SYS_fcntl, SYS_clone, SYS_clone3,
        SYS_io_uring_setup, SYS_io_uring_register, SYS_pipe2, SYS_vmsplice, SYS_waitid,
    };
    return numbers[call];
}

int quire_cpu(int place)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set))
        return place == 0 ? 0 : -1;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &set) && place-- == 0)
            return cpu;
    return -1;
}

int quire_adopt_orphans(int adopts)
{
    int before = 0;
    prctl(PR_GET_CHILD_SUBREAPER, &before);
    prctl(PR_SET_CHILD_SUBREAPER, adopts);
    return before;
}

// ---- Messages ----

int quire_channel_make(int ends[2])
{
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends);
}

int quire_channel_send(int channel, const struct quire_request *request, const void *bytes, uint64_t count, int passed)
{
    union {
        char room[CMSG_SPACE(sizeof(int))];
        struct cmsghdr head;
    } control;
    struct iovec parts[2] = { { (void *)request, sizeof *request }, { (void *)bytes, count } };
    struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
    if (passed >= 0) {
        memset(&control, 0, sizeof control);
        message.msg_control = &control;
        message.msg_controllen = sizeof control;
        control.head.cmsg_level = SOL_SOCKET;
        control.head.cmsg_type = SCM_RIGHTS;
        control.head.cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(&control.head), &passed, sizeof passed);
    }
    return sendmsg(channel, &message, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

int quire_channel_receive(int channel, struct quire_reply *reply, void *bytes, uint64_t room)
{
    struct iovec parts[2] = { { reply, sizeof *reply }, { bytes, room } };
    struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
    ssize_t got;
    do
        got = recvmsg(channel, &message, 0);
    while (got < 0 && errno == EINTR);
    return got < (ssize_t)sizeof *reply ? -1 : 0;
}

// Any request to move pages drains the batches of all CPUs; this one asks for a page that is already where it shall go.
void quire_drain_folio_batches(void)
{
#if defined(SYS_move_pages)
    static char page[2 * PAGE];
    void *pages[1] = { (void *)(((uint64_t)page + PAGE - 1) / PAGE * PAGE) };
    int nodes[1] = { 0 }, status[1];
    *(volatile char *)pages[0] = 1;
    syscall(SYS_move_pages, 0, 1ul, pages, nodes, status, 2 /* MPOL_MF_MOVE */);
#endif
}

int64_t quire_fork_nanoseconds(void)
{
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    clock_gettime(CLOCK_MONOTONIC, &end);
    if (child < 0)
        return -errno;
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
        ;
    return (end.tv_sec - begin.tv_sec) * 1000000000ll + (end.tv_nsec - begin.tv_nsec);
}
