// What a worker keeps of the process it was forked from, and the one block of memory that is its own.
#ifndef QUIRE_LAYOUT_H
#define QUIRE_LAYOUT_H

#include "quire_worker.h"

#include <stdint.h>

#define PAGE         4096ull
#define STACK_SIZE   (32u * 1024)
#define MOST_RANGES  40
#define CHANNEL_LEAST 900 // the worker's own descriptor lies here, so that a workload gets 3, 4, 5, ...
#define LEAST_ADDRESS 0x10000ull
#if defined(__aarch64__)
#define MOST_ADDRESS 0x1000000000000ull
#else
#define MOST_ADDRESS 0x7ffffffff000ull // four levels; with five, nothing lies above unless it is asked for
#endif

/// A function that may run in a worker: it calls no library, and no table of the linker's is between it and its callees.
#define WORKER        static __attribute__((noinline, no_builtin, no_stack_protector))
#define HIDDEN        __attribute__((visibility("hidden")))
#define WORKER_HIDDEN HIDDEN __attribute__((noinline, no_builtin, no_stack_protector))
#define INLINE        static inline __attribute__((always_inline))

struct range {
    uint64_t start, end;
    uint64_t readable; // whether its pages may be touched
};

/// What a process gets back when the child that it has lent its memory to is gone.
struct lender {
    uint64_t stack, minflt, majflt;
    int64_t pid;
    int32_t channel, child_channel;
};

/// Lies at QUIRE_SCRATCH. `reply` and `scratch` are sent together.
struct block {
    unsigned char scratch[QUIRE_SCRATCH_SIZE];
    // Two to take turns, and two for a child that runs in this memory (vfork).
    unsigned char stacks[4][STACK_SIZE];
    struct range kept[MOST_RANGES];
    uint64_t kept_count;
    struct quire_request request;
    struct quire_reply reply;
    uint64_t stack;    // which one the next signal is delivered on
    uint64_t armed;    // an access is under way
    uint64_t minflt, majflt, minflt_before, majflt_before;
    struct lender lender;
    int32_t channel;
    uint32_t carried;
};

#define BLOCK      ((struct block *)QUIRE_SCRATCH)
#define BLOCK_SIZE ((sizeof(struct block) + PAGE - 1) / PAGE * PAGE)

/// A signal's handler: the worker, on one of the block's stacks. It never returns.
void quire_worker_enter(int signal, void *information, void *context);

#endif
