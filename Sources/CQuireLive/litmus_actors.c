// Who acts in a litmus test, and when. An actor is a thread or a process on a CPU of its own, as far as they go. What stands
// before and after the block is done in the file's order: the word `turn` says whose operation is next. In the block an
// actor touches nothing that another one does, but for the test's own memory. All begin it at one moment of the CPUs'
// clock, each a random time later, in some runs with pauses in between or with its cache lines fetched before, so that
// the interleavings of a few instructions vary as much as those of system calls.
#define _GNU_SOURCE
#include "litmus.h"
#include "system_call.h"

#include <signal.h>

#if QUIRE_HAS_SYSTEM_CALL

/// How long after the last actor's arrival the block begins: more than a cache line takes from CPU to CPU.
#define LEAD 3000
/// The same where one of them sleeps.
#define LEAD_OF_SLEEPERS 100000
/// How often an actor looks for the others before it sleeps.
#define SPINS 4000
/// The logarithm of the longest random time that does not depend on what others take.
#define MOST_SCALE 13

static inline uint64_t clock_now(void)
{
#if defined(__x86_64__)
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
#else
    uint64_t now;
    __asm__ volatile("isb\nmrs %0, cntvct_el0" : "=r"(now));
    return now << 4; // coarser than x86's by about so much
#endif
}

// ---- Waiting for each other ----

static inline uint64_t read_word(const volatile uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static inline void write_word(volatile uint64_t *word, uint64_t value)
{
    __atomic_store_n(word, value, __ATOMIC_SEQ_CST);
}

/// Adds to a word. Not the compiler's way on arm64: that may be a function of a library, with a variable.
static inline uint64_t add(volatile uint64_t *word, uint64_t more)
{
#if defined(__x86_64__)
    return __atomic_add_fetch(word, more, __ATOMIC_SEQ_CST);
#else
    uint64_t value;
    uint32_t failed;
    __asm__ volatile("1: ldaxr %0, [%2]\n"
                     "add %0, %0, %3\n"
                     "stlxr %w1, %0, [%2]\n"
                     "cbnz %w1, 1b\n"
                     "dmb ish\n"
                     : "=&r"(value), "=&r"(failed)
                     : "r"(word), "r"(more)
                     : "memory");
    return value;
#endif
}

/// Wakes who sleeps until a word changes that just has changed, by an operation that orders it before the look.
WORKER void wake(volatile uint64_t *word)
{
    if (read_word(&SHARED->sleepers.word) != 0)
        system_call(SYS_futex, (uint64_t)word, 1 /* FUTEX_WAKE */, INT32_MAX, 0, 0, 0);
}

WORKER void await_change(volatile uint64_t *word, uint64_t value)
{
    volatile int64_t most[2];
    most[0] = 0;
    most[1] = 20000000;
    add(&SHARED->sleepers.word, 1);
    if (read_word(word) == value)
        system_call(SYS_futex, (uint64_t)word, 0 /* FUTEX_WAIT, on its low half */, (uint32_t)value, (uint64_t)most, 0, 0);
    add(&SHARED->sleepers.word, ~0ull);
}

/// Waits until a word that only grows is at least `least`: spinning, since whoever sleeps does not begin together with
/// others, but not for long, since it may be this CPU that the others want.
WORKER void await(volatile uint64_t *word, uint64_t least)
{
    uint64_t spins = 0, crowded = SHARED->test.crowded;
    // A thread on the same CPU has its turn at once, a new process only when this one sleeps.
    uint64_t patience = !crowded ? SPINS : SHARED->test.forks ? 20 : 200;
    for (uint64_t value; (value = read_word(word)) < least; spins++) {
        if (spins >= patience)
            await_change(word, value);
        else if (crowded && spins >= 20)
            system_call(SYS_sched_yield, 0, 0, 0, 0, 0, 0);
#if defined(__x86_64__)
        else
            __builtin_ia32_pause();
#endif
    }
}

WORKER uint64_t random_word(struct litmus_actor_state *state)
{
    uint64_t x = state->random;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return state->random = x;
}

/// A random time: of any scale up to some microseconds, or up to what the others take for their part of the block.
WORKER uint64_t random_time(uint64_t actor)
{
    uint64_t word = random_word(&SHARED->actors[actor]), longest = 0;
    for (uint64_t other = 0; other < SHARED->test.actor_count; other++)
        if (other != actor && SHARED->actors[other].takes > longest)
            longest = SHARED->actors[other].takes;
    if (word & 1 && longest)
        return (word >> 8) % longest;
    return (word >> 8) & ((1ull << (word >> 1) % MOST_SCALE) - 1);
}

static inline void await_time(uint64_t time)
{
    while ((int64_t)(clock_now() - time) < 0)
        ;
}

/// Fetches cache lines, and with them translations, that the actor's accesses will need. It never faults.
WORKER void fetch_lines(const struct quire_litmus_actor *self)
{
    for (uint64_t place = self->begin; place < self->end; place++) {
        const struct quire_litmus_operation *op = &SHARED->test.operations[place];
        int known = op->added[0] == 0 || op->added[0] - QUIRE_LITMUS_RESULT < SHARED->test.before;
        if (known && (op->kind == QUIRE_LITMUS_STORE || op->kind == QUIRE_LITMUS_LOAD))
            __builtin_prefetch((const void *)argument(op, 0));
    }
}

/// Begins the block together with the others.
WORKER void await_start(uint64_t actor, uint64_t run, uint64_t actors)
{
    uint64_t skew = random_time(actor);
    if (add(&SHARED->arrived.word, 1) == actors * (run + 1)) {
        SHARED->start.word = clock_now() + (read_word(&SHARED->sleepers.word) != 0 ? LEAD_OF_SLEEPERS : LEAD);
        write_word(&SHARED->begun.word, run + 1);
        wake(&SHARED->begun.word);
    }
    await(&SHARED->begun.word, run + 1);
    if (random_word(&SHARED->actors[actor]) >> 40 & 1)
        fetch_lines(&SHARED->test.actors[actor]);
    await_time(SHARED->start.word + skew);
}

// ---- The block ----

/// An actor's share of the operations from `begin` to `end`, which are done in the order of the file; `turn` is that of
/// the first one.
WORKER void play_in_order(uint64_t actor, uint64_t run, uint64_t begin, uint64_t end, uint64_t turn)
{
    const struct quire_litmus *test = &SHARED->test;
    for (uint64_t place = begin; place < end; place++) {
        const struct quire_litmus_operation *op = &SHARED->test.operations[place];
        if (op->actor != actor)
            continue;
        await(&SHARED->turn.word, turn + place - begin);
        int exits = op->kind == QUIRE_LITMUS_EXIT;
        int stays = test->plain && run > 0 && place < test->before && op->kind != QUIRE_LITMUS_STORE;
        if (!exits && !stays)
            quire_litmus_perform(actor, place);
        write_word(&SHARED->turn.word, turn + place - begin + 1);
        wake(&SHARED->turn.word);
        if (exits)
            system_call(SYS_exit_group, op->arguments[0], 0, 0, 0, 0, 0);
    }
}

/// Follows what an actor takes. Up in small steps: it may have lost its CPU.
WORKER void learn_time(struct litmus_actor_state *state, uint64_t took)
{
    uint64_t takes = state->takes;
    uint64_t up = took > takes ? (took - takes) / 4 : 0, most = takes / 4 + 64;
    state->takes = took < takes ? takes - (takes - took) / 4 : takes + (up < most ? up : most);
}

WORKER void finish_block(void)
{
    add(&SHARED->done.word, 1);
    wake(&SHARED->done.word);
}

WORKER void play_block(uint64_t actor)
{
    const struct quire_litmus_actor *self = &SHARED->test.actors[actor];
    int pauses = (random_word(&SHARED->actors[actor]) >> 40) % 4 == 0;
    uint64_t start = clock_now();
    for (uint64_t place = self->begin; place < self->end; place++) {
        if (SHARED->test.operations[place].kind == QUIRE_LITMUS_EXIT) {
            finish_block();
            system_call(SYS_exit_group, SHARED->test.operations[place].arguments[0], 0, 0, 0, 0, 0);
        }
        if (pauses)
            await_time(clock_now() + random_time(actor));
        quire_litmus_perform(actor, place);
    }
    if (!pauses)
        learn_time(&SHARED->actors[actor], clock_now() - start);
}

static uint64_t turns_of_a_run(void)
{
    return SHARED->test.before + SHARED->test.operation_count - SHARED->test.after;
}

WORKER_HIDDEN void quire_litmus_play_run(uint64_t actor, uint64_t run)
{
    const struct quire_litmus *test = &SHARED->test;
    uint64_t turn = run * turns_of_a_run();
    play_in_order(actor, run, 0, test->before, turn);
    if (test->actors[actor].starts)
        await_start(actor, run, SHARED->starting);
    if (test->actors[actor].counts) {
        play_block(actor);
        finish_block();
    }
    await(&SHARED->done.word, SHARED->counting * (run + 1));
    play_in_order(actor, run, test->after, test->operation_count, turn + test->before);
    await(&SHARED->turn.word, turn + turns_of_a_run());
}

// ---- Who acts ----

/// Lets the caller run on the CPUs of two actors only.
WORKER_HIDDEN void quire_litmus_settle_cpus(uint64_t actor, uint64_t other)
{
    volatile uint64_t mask[16];
    uint64_t cpu = SHARED->test.actors[actor].cpu, also = SHARED->test.actors[other].cpu;
    for (uint64_t i = 0; i < 16; i++)
        mask[i] = (i == cpu / 64 ? 1ull << cpu % 64 : 0) | (i == also / 64 ? 1ull << also % 64 : 0);
    system_call(SYS_sched_setaffinity, 0, sizeof mask, (uint64_t)mask, 0, 0, 0);
}

/// A thread's life: one run, or all of them.
WORKER void play_thread(uint64_t actor)
{
    quire_litmus_settle_cpus(actor, actor);
    uint64_t run = SHARED->run;
    do
        quire_litmus_play_run(actor, run++);
    while (SHARED->test.actors[actor].persists && run < SHARED->runs);
    for (;;)
        system_call(SYS_exit, 0, 0, 0, 0, 0, 0);
}

/// A child's life: the rest of the run.
WORKER _Noreturn void play_child(uint64_t actor)
{
    // It ends with its maker, or, if that is gone already, by itself.
    system_call(SYS_prctl, 1 /* PR_SET_PDEATHSIG */, SIGKILL, 0, 0, 0, 0);
    quire_litmus_set_alarm(BLOCK->request.arguments[3]);
    quire_litmus_settle_cpus(actor, actor);
    if (SHARED->test.pins) // pins are the first process's alone
        system_call(SYS_close, SHARED->ring, 0, 0, 0, 0, 0);
    quire_litmus_play_run(actor, SHARED->run);
    for (;;)
        system_call(SYS_exit_group, 0, 0, 0, 0, 0, 0);
}

WORKER_HIDDEN void quire_litmus_make_thread(uint64_t place, uint64_t actor)
{
    struct litmus_actor_state *state = &SHARED->actors[actor];
    if (SHARED->test.actors[actor].persists && state->thread_id)
        return;
    uint64_t stack_end = LITMUS_STACKS + (actor + 1) * LITMUS_STACK_SIZE;
    int64_t made = quire_litmus_start_thread(stack_end, &state->thread_id, play_thread, actor);
    if (made < 0)
        quire_litmus_give_up(place, (int32_t)-made);
}

/// The child goes on in a copy of this frame and never comes back. The kernel chooses its CPU at once: else it would wait
/// until the one that it is forked on is free.
WORKER_HIDDEN void quire_litmus_make_process(uint64_t place, uint64_t actor)
{
    uint64_t maker = SHARED->test.operations[place].actor;
    quire_litmus_settle_cpus(maker, actor);
    int64_t made = system_call(SYS_clone, SIGCHLD, 0, 0, 0, 0, 0);
    if (made == 0)
        play_child(actor);
    if (made < 0)
        quire_litmus_give_up(place, (int32_t)-made);
    quire_litmus_settle_cpus(maker, maker);
    SHARED->actors[actor].pid = (uint64_t)made;
}

#endif
