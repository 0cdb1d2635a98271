// A process of a workload: executes what the controller asks and answers the outcome.
//
// It is a fork of the controller that has given up everything but the pages of this code and one block of memory, so it
// calls no library: only system calls. All of its pages are touched before the first request and again after a fork, so
// that neither its page tables nor its faults change later. The rest of the address space outside of the window is
// filled with a mapping without access: an address that the kernel chooses lies in the window, top down from its end.
//
// A fault of an access comes as a signal. Its handler does not return: it answers and goes on with the next request on
// the stack that it was delivered on, while the abandoned stack waits for the next fault. That needs neither setjmp nor
// the kernel's way back from a handler.
#include "litmus.h"
#include "system_call.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>

#if QUIRE_HAS_SYSTEM_CALL

static void serve(void) __attribute__((noreturn));

// ---- The worker's own memory ----

WORKER void touch_own(void)
{
    for (uint64_t i = 0; i < BLOCK->kept_count; i++) {
        if (!BLOCK->kept[i].readable)
            continue;
        for (uint64_t at = BLOCK->kept[i].start; at < BLOCK->kept[i].end; at += PAGE)
            (void)*(volatile unsigned char *)at;
    }
    for (uint64_t at = QUIRE_SCRATCH; at < QUIRE_SCRATCH + BLOCK_SIZE; at += PAGE) {
        volatile unsigned char *byte = (volatile unsigned char *)at;
        *byte = *byte;
    }
}

/// Replaces [start, end) by what keeps the kernel out, and the part of it inside the window by nothing.
WORKER void fill(uint64_t start, uint64_t end, int file)
{
    if (start >= end)
        return;
    if (start < QUIRE_WINDOW_START && end > QUIRE_WINDOW_END) {
        fill(start, QUIRE_WINDOW_START, file);
        system_call(SYS_munmap, QUIRE_WINDOW_START, QUIRE_WINDOW_END - QUIRE_WINDOW_START, 0, 0, 0, 0);
        fill(QUIRE_WINDOW_END, end, file);
        return;
    }
    // A private file mapping: it never merges with a workload's areas.
    system_call(SYS_mmap, start, end - start, 0 /* PROT_NONE */, 0x4012 /* PRIVATE, FIXED, NORESERVE */, (uint64_t)file, 0);
}

WORKER void give_up_the_rest(void)
{
    int64_t file = system_call(SYS_memfd_create, QUIRE_SCRATCH, 0, 0, 0, 0, 0);
    uint64_t at = LEAST_ADDRESS;
    for (uint64_t i = 0; i < BLOCK->kept_count; i++) {
        fill(at, BLOCK->kept[i].start, (int)file);
        if (BLOCK->kept[i].end > at)
            at = BLOCK->kept[i].end;
    }
    fill(at, MOST_ADDRESS, (int)file);
    system_call(SYS_close, (uint64_t)file, 0, 0, 0, 0, 0);
}

/// Puts the heap into the window: minus errno where the kernel refuses. Nothing but brk and /proc looks at the other
/// numbers, which go with it.
WORKER int64_t place_heap(void)
{
    volatile uint64_t *map = (volatile uint64_t *)BLOCK->scratch; // struct prctl_mm_map
    for (int i = 0; i < 13; i++)
        map[i] = LEAST_ADDRESS; // code, data, stack, arguments, environment
    map[1] = LEAST_ADDRESS + PAGE; // end_code
    map[4] = map[5] = QUIRE_HEAP; // start_brk, brk
    map[11] = 0; // auxv stays
    map[12] = 0xffffffff00000000; // auxv_size, exe_fd
    return system_call(SYS_prctl, 35 /* PR_SET_MM */, 14 /* PR_SET_MM_MAP */, QUIRE_SCRATCH, 13 * 8, 0, 0);
}

// ---- Messages ----

WORKER_HIDDEN void quire_worker_answer(uint32_t carried)
{
    struct iovec parts[2];
    struct msghdr message;
    BLOCK->reply.carried = carried;
    BLOCK->reply.minflt = BLOCK->minflt;
    BLOCK->reply.majflt = BLOCK->majflt;
    parts[0].iov_base = &BLOCK->reply;
    parts[0].iov_len = sizeof(struct quire_reply);
    parts[1].iov_base = BLOCK->scratch;
    parts[1].iov_len = carried;
    message.msg_name = 0;
    message.msg_namelen = 0;
    message.msg_iov = parts;
    message.msg_iovlen = 2;
    message.msg_control = 0;
    message.msg_controllen = 0;
    message.msg_flags = 0;
    if (system_call(SYS_sendmsg, (uint64_t)BLOCK->channel, (uint64_t)&message, MSG_NOSIGNAL, 0, 0, 0) < 0)
        system_call(SYS_exit_group, 0, 0, 0, 0, 0, 0);
}

/// Takes a request and the bytes with it; the descriptor that came along, or -1.
WORKER int64_t receive(void)
{
    union {
        char room[CMSG_SPACE(sizeof(int))];
        struct cmsghdr head;
    } control;
    struct iovec parts[2];
    struct msghdr message;
    int64_t got;
    parts[0].iov_base = &BLOCK->request;
    parts[0].iov_len = sizeof(struct quire_request);
    parts[1].iov_base = BLOCK->scratch;
    parts[1].iov_len = QUIRE_SCRATCH_SIZE;
    message.msg_name = 0;
    message.msg_namelen = 0;
    message.msg_iov = parts;
    message.msg_iovlen = 2;
    message.msg_flags = 0;
    do {
        message.msg_control = &control;
        message.msg_controllen = sizeof control;
        got = system_call(SYS_recvmsg, (uint64_t)BLOCK->channel, (uint64_t)&message, 0, 0, 0, 0);
    } while (got == -EINTR);
    if (got < (int64_t)sizeof(struct quire_request))
        system_call(SYS_exit_group, 0, 0, 0, 0, 0, 0); // the controller is gone
    if (message.msg_controllen < sizeof(struct cmsghdr) || control.head.cmsg_type != SCM_RIGHTS)
        return -1;
    int32_t passed = *(volatile int32_t *)CMSG_DATA(&control.head);
    int64_t high = system_call(SYS_fcntl, (uint64_t)passed, 0 /* F_DUPFD */, CHANNEL_LEAST, 0, 0, 0);
    system_call(SYS_close, (uint64_t)passed, 0, 0, 0, 0, 0);
    return high;
}

WORKER void clear_reply(void)
{
    volatile uint64_t *words = (volatile uint64_t *)&BLOCK->reply;
    for (uint64_t i = 0; i < sizeof(struct quire_reply) / 8; i++)
        words[i] = 0;
}

// ---- Accesses ----

WORKER void count_faults(uint64_t *minflt, uint64_t *majflt)
{
    struct rusage usage;
    system_call(SYS_getrusage, RUSAGE_SELF, (uint64_t)&usage, 0, 0, 0, 0);
    *minflt = (uint64_t)usage.ru_minflt;
    *majflt = (uint64_t)usage.ru_majflt;
}

/// Touches exactly the bytes asked, in ascending order.
WORKER void perform(void)
{
    uint64_t start = BLOCK->request.arguments[0], length = BLOCK->request.arguments[1];
    uint32_t operation = BLOCK->request.operation;
    uint64_t hash = 0xcbf29ce484222325ull;
    volatile unsigned char *bytes = (volatile unsigned char *)start;
    if (operation == QUIRE_STORE) {
        unsigned char value = (unsigned char)BLOCK->request.arguments[2];
        for (uint64_t i = 0; i < length; i++)
            bytes[i] = value;
    } else if (operation == QUIRE_LOAD) {
        for (uint64_t i = 0; i < length; i++) {
            unsigned char value = bytes[i];
            if (i < QUIRE_SCRATCH_SIZE)
                *(volatile unsigned char *)&BLOCK->scratch[i] = value;
            hash = (hash ^ value) * 0x100000001b3ull;
        }
    } else {
        // One byte of each page: the first one that the range covers.
        for (uint64_t at = start; at < start + length; at = (at / PAGE + 1) * PAGE) {
            volatile unsigned char *byte = (volatile unsigned char *)at;
            if (operation == QUIRE_TOUCH_WRITE)
                *byte = (unsigned char)(at / PAGE);
            else
                (void)*byte;
        }
    }
    BLOCK->reply.hash = hash;
    BLOCK->reply.result = (int64_t)length;
}

// ---- The loop ----

/// Has the next signal delivered on the stack that is not in use.
WORKER void arm_other_stack(void)
{
    stack_t stack;
    BLOCK->stack ^= 1;
    stack.ss_sp = BLOCK->stacks[BLOCK->stack];
    stack.ss_size = STACK_SIZE;
    stack.ss_flags = (int)(1u << 31); // SS_AUTODISARM: else a handler could not arm another stack
    system_call(SYS_sigaltstack, (uint64_t)&stack, 0, 0, 0, 0, 0);
}

WORKER void finish_operation(void)
{
    uint64_t minflt, majflt;
    count_faults(&minflt, &majflt);
    BLOCK->minflt += minflt - BLOCK->minflt_before;
    BLOCK->majflt += majflt - BLOCK->majflt_before;
    quire_worker_answer(BLOCK->request.wanted);
}

/// Inline: a child that borrows this memory would write over the way back from a function.
static inline __attribute__((always_inline)) int64_t requested_call(void)
{
    const uint64_t *a = BLOCK->request.arguments;
    return system_call((long)BLOCK->request.number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/// The child's first steps, with a channel of its own.
WORKER void begin_child(int32_t channel)
{
    system_call(SYS_close, (uint64_t)BLOCK->channel, 0, 0, 0, 0, 0);
    BLOCK->channel = channel;
    BLOCK->minflt = BLOCK->majflt = 0;
    touch_own();
    BLOCK->reply.result = system_call(SYS_getpid, 0, 0, 0, 0, 0, 0);
    quire_worker_answer(0);
}

WORKER void answer_child(int64_t pid)
{
    clear_reply();
    BLOCK->reply.result = pid;
    BLOCK->reply.error = pid < 0 ? (int32_t)-pid : 0;
    quire_worker_answer(0);
}

WORKER void fork_worker(int64_t child_channel)
{
    int64_t pid = requested_call();
    if (pid == 0) {
        begin_child((int32_t)child_channel);
        return;
    }
    system_call(SYS_close, (uint64_t)child_channel, 0, 0, 0, 0, 0);
    touch_own();
    answer_child(pid);
}

/// A child in this process's memory: it goes on deeper on this stack and never comes back up.
static __attribute__((noinline, noreturn, no_builtin, no_stack_protector)) void serve_borrowed(int64_t channel)
{
    BLOCK->stack = 3;
    arm_other_stack();
    begin_child((int32_t)channel);
    serve();
}

/// This process sleeps until the child is gone. What it needs then lies in the block: the child may write over any
/// local variable that it does not use itself.
WORKER void lend_memory(int64_t child_channel)
{
    BLOCK->lender.stack = BLOCK->stack;
    BLOCK->lender.channel = BLOCK->channel;
    BLOCK->lender.minflt = BLOCK->minflt;
    BLOCK->lender.majflt = BLOCK->majflt;
    BLOCK->lender.child_channel = (int32_t)child_channel;
    BLOCK->lender.pid = requested_call();
    if (BLOCK->lender.pid == 0)
        serve_borrowed(BLOCK->lender.child_channel);
    BLOCK->stack = BLOCK->lender.stack;
    BLOCK->channel = BLOCK->lender.channel;
    BLOCK->minflt = BLOCK->lender.minflt;
    BLOCK->majflt = BLOCK->lender.majflt;
    system_call(SYS_close, (uint64_t)BLOCK->lender.child_channel, 0, 0, 0, 0, 0);
    answer_child(BLOCK->lender.pid);
}

WORKER void execute(void)
{
    count_faults(&BLOCK->minflt_before, &BLOCK->majflt_before);
    if (BLOCK->request.operation == QUIRE_SYSTEM_CALL) {
        int64_t result = requested_call();
        int failed = result < 0 && result >= -4095;
        BLOCK->reply.result = failed ? -1 : result;
        BLOCK->reply.error = failed ? (int32_t)-result : 0;
    } else {
        BLOCK->armed = 1;
        perform();
        BLOCK->armed = 0;
    }
    finish_operation();
}

WORKER void serve(void)
{
    for (;;) {
        int64_t passed = receive();
        clear_reply();
        if (BLOCK->request.operation == QUIRE_FORK)
            fork_worker(passed);
        else if (BLOCK->request.operation == QUIRE_VFORK)
            lend_memory(passed);
        else if (BLOCK->request.operation == QUIRE_LITMUS)
            quire_worker_answer(quire_litmus_play());
        else
            execute();
    }
}

/// The first signal is the controller's own, to get onto a stack of the block. Every later one is a fault.
__attribute__((no_builtin, no_stack_protector)) void quire_worker_enter(int signal, void *information, void *context)
{
    (void)context;
    arm_other_stack();
    if (signal == SIGUSR1) {
        give_up_the_rest();
        touch_own();
        clear_reply();
        BLOCK->reply.error = (int32_t)-place_heap();
        BLOCK->reply.result = system_call(SYS_getpid, 0, 0, 0, 0, 0, 0);
        quire_worker_answer(0);
        serve();
    }
    if (!BLOCK->armed)
        system_call(SYS_exit_group, 99, 0, 0, 0, 0, 0);
    BLOCK->armed = 0;
    BLOCK->reply.signal = signal;
    BLOCK->reply.code = ((siginfo_t *)information)->si_code;
    BLOCK->reply.address = (uint64_t)((siginfo_t *)information)->si_addr;
    finish_operation();
    serve();
}

#else

void quire_worker_enter(int signal, void *information, void *context)
{
    (void)signal, (void)information, (void)context;
}

#endif
