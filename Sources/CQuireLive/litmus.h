// The memory that all actors of a litmus test share, processes among them, and the parts that the run is made of.
#ifndef QUIRE_INTERNAL_LITMUS_H
#define QUIRE_INTERNAL_LITMUS_H

#include "layout.h"
#include "quire_litmus.h"

// Beside the worker's block, so that all of it has one page table.
#define LITMUS_SHARED     (QUIRE_SCRATCH + 0x80000)
#define LITMUS_STACKS     (QUIRE_SCRATCH + 0x100000)
#define LITMUS_STACK_SIZE (64u * 1024)

/// CLONE_VM, FS, FILES, SIGHAND, THREAD, SYSVSEM, PARENT_SETTID, CHILD_CLEARTID.
#define QUIRE_THREAD_FLAGS 0x350f00ull

#define ALONE  __attribute__((aligned(64))) // on a cache line of its own

struct litmus_result {
    uint64_t value, ending;
} ALONE;

/// What one actor alone writes.
struct litmus_actor_state {
    uint64_t random;
    uint64_t takes;     // for its part of the block, about, in ticks
    uint64_t busy;      // 1 + the operation whose system call is under way
    uint32_t thread_id; // cleared by the kernel when the thread is gone
    uint64_t pid;
} ALONE;

struct litmus_shared {
    struct { volatile uint64_t word; } ALONE turn, arrived, begun, start, done, sleepers;
    uint64_t runs, run;          // how many, and which one is under way
    uint64_t starting, counting; // actors that begin the block, and that end it
    uint64_t ring;               // io_uring's descriptor
    struct litmus_actor_state actors[QUIRE_LITMUS_ACTORS];
    struct litmus_result results[QUIRE_LITMUS_OPERATIONS];
    struct quire_litmus test;
    uint64_t outcomes[QUIRE_SCRATCH_SIZE / 8]; // as the reply carries them
};

_Static_assert(BLOCK_SIZE <= 0x80000 && sizeof(struct litmus_shared) <= 0x80000, "the parts lie side by side");

#define SHARED ((struct litmus_shared *)LITMUS_SHARED)

/// An argument with what is added to it.
INLINE uint64_t argument(const struct quire_litmus_operation *op, int which)
{
    uint64_t value = op->arguments[which], added = op->added[which];
    if (added == 0)
        return value;
    if (added >= QUIRE_LITMUS_PID)
        return value + SHARED->actors[added - QUIRE_LITMUS_PID].pid;
    const struct litmus_result *result = &SHARED->results[added - QUIRE_LITMUS_RESULT];
    return value + (result->ending == QUIRE_LITMUS_VALUE ? result->value : ~0ull);
}

/// How an access ended: in two registers.
struct access_end {
    uint64_t value, signal;
};

/// Aligned accesses of one instruction each. A fault has them end with the signal's number.
struct access_end quire_store1(uint64_t address, uint64_t value) HIDDEN;
struct access_end quire_store2(uint64_t address, uint64_t value) HIDDEN;
struct access_end quire_store4(uint64_t address, uint64_t value) HIDDEN;
struct access_end quire_store8(uint64_t address, uint64_t value) HIDDEN;
struct access_end quire_load1(uint64_t address) HIDDEN;
struct access_end quire_load2(uint64_t address) HIDDEN;
struct access_end quire_load4(uint64_t address) HIDDEN;
struct access_end quire_load8(uint64_t address) HIDDEN;

/// From now on a fault of those accesses ends them, in this process and its children.
void quire_litmus_take_faults(void) HIDDEN;

/// Has a signal call a handler.
void quire_litmus_take_signal(int signal, void (*handler)(int, void *, void *)) HIDDEN;

/// Starts a thread of this process on a stack of its own: its id or minus errno. `word` holds the id until it is gone.
int64_t quire_litmus_start_thread(uint64_t stack_end, uint32_t *word, void (*body)(uint64_t), uint64_t actor) HIDDEN;

/// litmus_operations.c: does an operation and notes its result.
void quire_litmus_perform(uint64_t actor, uint64_t place) HIDDEN;

/// Puts memory into a place of the ring's table of buffers, or, for address 0, takes it out.
int64_t quire_litmus_set_buffer(uint64_t place, uint64_t address, uint64_t count) HIDDEN;

/// litmus_actors.c: an actor's part of a run.
void quire_litmus_play_run(uint64_t actor, uint64_t run) HIDDEN;

/// Makes an actor for the operation at a place.
void quire_litmus_make_thread(uint64_t place, uint64_t actor) HIDDEN;
void quire_litmus_make_process(uint64_t place, uint64_t actor) HIDDEN;

/// Lets the caller run on the CPUs of two actors only.
void quire_litmus_settle_cpus(uint64_t actor, uint64_t other) HIDDEN;

/// Has `quire_litmus_hang` called when so many seconds are over; 0: never.
void quire_litmus_set_alarm(uint64_t seconds) HIDDEN;

/// SIGALRM: a run takes too long.
void quire_litmus_hang(int signal, void *information, void *context) HIDDEN;

/// Answers what went wrong with an operation; the controller then ends this process, and with it all others.
_Noreturn void quire_litmus_give_up(uint64_t place, int32_t error) HIDDEN;

/// litmus.c: plays a test as the request says; leaves the outcomes in the scratch buffer and returns their bytes.
uint32_t quire_litmus_play(void) HIDDEN;

/// worker.c: sends the reply with bytes of the scratch buffer.
void quire_worker_answer(uint32_t carried) HIDDEN;

#endif
