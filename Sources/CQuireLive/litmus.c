// A litmus test on real threads, again and again: the memory that its actors share, the runs of a request, what is put back
// between two of them, the count of their outcomes, and what may go wrong. Who acts when is in litmus_actors.c, what they
// do in litmus_operations.c.
#define _GNU_SOURCE
#include "litmus.h"
#include "system_call.h"

#include <errno.h>
#include <signal.h>

#if QUIRE_HAS_SYSTEM_CALL

// ---- What may go wrong ----

WORKER_HIDDEN void quire_litmus_set_alarm(uint64_t seconds)
{
    volatile uint64_t times[4];
    times[0] = times[1] = times[3] = 0;
    times[2] = seconds;
    system_call(SYS_setitimer, 0 /* ITIMER_REAL */, (uint64_t)times, 0, 0, 0, 0);
}

/// Answers what went wrong; the controller then ends this process, and with it all others.
WORKER_HIDDEN void quire_litmus_give_up(uint64_t operation, int32_t error)
{
    BLOCK->reply.error = error;
    BLOCK->reply.result = (int64_t)SHARED->test.operations[operation].line;
    quire_worker_answer(0);
    for (;;)
        system_call(SYS_exit_group, 0, 0, 0, 0, 0, 0);
}

/// SIGALRM: a run takes too long.
WORKER_HIDDEN void quire_litmus_hang(int signal, void *information, void *context)
{
    (void)signal, (void)information, (void)context;
    uint64_t found = 0;
    for (uint64_t actor = 0; actor < SHARED->test.actor_count; actor++)
        if (SHARED->actors[actor].busy)
            found = SHARED->actors[actor].busy - 1;
    quire_litmus_give_up(found, ETIMEDOUT);
}

// ---- Between two runs ----

/// Counts what the run came to: minus errno where there are too many outcomes.
WORKER int64_t count_outcome(void)
{
    const struct quire_litmus *test = &SHARED->test;
    uint64_t *outcomes = SHARED->outcomes, size = 2 + test->observed_count, endings = 0, which, i;
    for (i = 0; i < test->observed_count; i++)
        endings |= SHARED->results[test->observed[i]].ending << 2 * i;
    for (which = 0; which < outcomes[0]; which++) {
        uint64_t *outcome = &outcomes[1 + which * size];
        if (outcome[1] != endings)
            continue;
        for (i = 0; i < test->observed_count && outcome[2 + i] == SHARED->results[test->observed[i]].value; i++)
            ;
        if (i < test->observed_count)
            continue;
        outcome[0]++;
        return 0;
    }
    uint64_t *outcome = &outcomes[1 + which * size];
    if (1 + (which + 1) * size > sizeof SHARED->outcomes / 8)
        return -E2BIG;
    outcome[0] = 1;
    outcome[1] = endings;
    for (i = 0; i < test->observed_count; i++)
        outcome[2 + i] = SHARED->results[test->observed[i]].value;
    outcomes[0]++;
    return 0;
}

/// Puts everything back: pins, children, descriptors, the window.
WORKER void clear(void)
{
    const struct quire_litmus *test = &SHARED->test;
    for (uint64_t place = 0; test->pins && place < test->operation_count; place++)
        if (test->operations[place].kind == QUIRE_LITMUS_PIN && SHARED->results[place].ending == QUIRE_LITMUS_VALUE)
            quire_litmus_set_buffer(place, 0, 0);
    if (test->forks)
        while (system_call(SYS_wait4, ~0ull, 0, 0, 0, 0, 0) > 0)
            ;
    if (test->opens)
        system_call(SYS_close_range, 3, CHANNEL_LEAST - 1, 0, 0, 0, 0);
    system_call(SYS_munmap, QUIRE_WINDOW_START, QUIRE_WINDOW_END - QUIRE_WINDOW_START, 0, 0, 0, 0);
}

/// Monotonic time in nanoseconds.
WORKER uint64_t now(void)
{
    volatile int64_t time[2];
    system_call(SYS_clock_gettime, 1 /* CLOCK_MONOTONIC */, (uint64_t)time, 0, 0, 0, 0);
    return (uint64_t)(time[0] * 1000000000 + time[1]);
}

// ---- All runs of a request ----

/// A ring with places for buffers. Nothing of it is mapped.
WORKER void make_ring(void)
{
    volatile uint64_t words[15];
    for (int i = 0; i < 15; i++)
        words[i] = 0;
    int64_t low = system_call(SYS_io_uring_setup, 1, (uint64_t)words, 0, 0, 0, 0);
    if (low < 0)
        quire_litmus_give_up(0, ENOSYS);
    SHARED->ring = (uint64_t)system_call(SYS_fcntl, (uint64_t)low, 1030 /* F_DUPFD_CLOEXEC */, CHANNEL_LEAST, 0, 0, 0);
    system_call(SYS_close, (uint64_t)low, 0, 0, 0, 0, 0);
    words[0] = QUIRE_LITMUS_OPERATIONS | 1ull << 32; // IORING_RSRC_REGISTER_SPARSE
    words[1] = words[2] = words[3] = 0;
    if (system_call(SYS_io_uring_register, SHARED->ring, 15 /* IORING_REGISTER_BUFFERS2 */, (uint64_t)words, 32, 0, 0) < 0)
        quire_litmus_give_up(0, ENOSYS);
}

/// Takes the test out of the scratch buffer, with the memory that actors share and the threads' stacks made.
WORKER void begin(void)
{
    const volatile uint64_t *from = (const volatile uint64_t *)BLOCK->scratch;
    uint64_t length = (sizeof *SHARED + PAGE - 1) / PAGE * PAGE, seed = BLOCK->request.arguments[1];
    system_call(SYS_mmap, LITMUS_SHARED, length, 3, 0x31 /* SHARED, FIXED, ANONYMOUS */, ~0ull, 0);
    system_call(SYS_mmap, LITMUS_STACKS, QUIRE_LITMUS_ACTORS * LITMUS_STACK_SIZE, 3,
        0x32 /* PRIVATE, FIXED, ANONYMOUS */, ~0ull, 0);
    volatile uint64_t *to = (volatile uint64_t *)&SHARED->test;
    for (uint64_t i = 0; i < sizeof SHARED->test / 8; i++)
        to[i] = from[i];
    for (uint64_t actor = 0; actor < SHARED->test.actor_count; actor++) {
        SHARED->actors[actor].random = (seed + actor + 1) * 0x9e3779b97f4a7c15ull | 1;
        SHARED->starting += SHARED->test.actors[actor].starts;
        SHARED->counting += SHARED->test.actors[actor].counts;
    }
    SHARED->actors[0].pid = (uint64_t)system_call(SYS_getpid, 0, 0, 0, 0, 0, 0);
    SHARED->runs = BLOCK->request.arguments[0];
    quire_litmus_take_faults();
    quire_litmus_take_signal(SIGALRM, quire_litmus_hang);
    // Actors must run at the same time: one that waits for another's CPU spins. Without the right it stays as it is.
    system_call(SYS_setpriority, 0 /* PRIO_PROCESS */, 0, (uint64_t)-10, 0, 0, 0);
    system_call(SYS_prctl, 36 /* PR_SET_CHILD_SUBREAPER */, 1, 0, 0, 0, 0);
    if (SHARED->test.pins)
        make_ring();
    quire_litmus_settle_cpus(0, 0);
}

WORKER void finish(void)
{
    quire_litmus_set_alarm(0);
    for (uint64_t actor = 1; actor < SHARED->test.actor_count; actor++)
        while (SHARED->test.actors[actor].persists
            && __atomic_load_n(&SHARED->actors[actor].thread_id, __ATOMIC_ACQUIRE))
            system_call(SYS_sched_yield, 0, 0, 0, 0, 0, 0);
    if (SHARED->test.pins)
        system_call(SYS_close, SHARED->ring, 0, 0, 0, 0, 0);
}

WORKER_HIDDEN uint32_t quire_litmus_play(void)
{
    int64_t error = 0;
    begin();
    uint64_t end = now() + BLOCK->request.arguments[2] * 1000000;
    for (uint64_t run = 0; run < SHARED->runs && !error; run++) {
        if (run % 16 == 0) {
            quire_litmus_set_alarm(BLOCK->request.arguments[3]);
            if (now() >= end)
                SHARED->runs = run + 1; // the others learn of it in this run
        }
        SHARED->run = run;
        quire_litmus_play_run(0, run);
        if (!SHARED->test.plain)
            clear();
        error = count_outcome();
    }
    if (error)
        quire_litmus_give_up(0, (int32_t)-error);
    clear();
    finish();
    BLOCK->reply.result = (int64_t)SHARED->runs;
    uint64_t words = 1 + SHARED->outcomes[0] * (2 + SHARED->test.observed_count);
    for (uint64_t i = 0; i < words; i++)
        ((volatile uint64_t *)BLOCK->scratch)[i] = SHARED->outcomes[i];
    return (uint32_t)(words * 8);
}

#endif
