// A litmus test as a worker plays it: who acts, what each does, which results make up an outcome. All words, so that a
// controller writes it as one array.
//
// Operations come in three parts: those before the block and those after it, each in the order of the file, and between
// them the block's, one sequence for each actor.
#ifndef QUIRE_LITMUS_H
#define QUIRE_LITMUS_H

#include <stdint.h>

#define QUIRE_LITMUS_ACTORS     8
#define QUIRE_LITMUS_OPERATIONS 256
#define QUIRE_LITMUS_OBSERVED   16

enum quire_litmus_kind {
    QUIRE_LITMUS_CALL,        // call, arguments
    QUIRE_LITMUS_WAIT,        // likewise; a pid that comes back is told as the number of its process
    QUIRE_LITMUS_ADVISE,      // process_madvise of one range; arguments: descriptor, address, bytes, advice, flags
    QUIRE_LITMUS_STORE,       // arguments: address, bytes, value
    QUIRE_LITMUS_LOAD,        // arguments: address, bytes
    QUIRE_LITMUS_TOUCH_WRITE, // arguments: address, bytes
    QUIRE_LITMUS_TOUCH_READ,  // arguments: address, bytes
    QUIRE_LITMUS_THREAD,      // arguments: the actor made, its number in the file
    QUIRE_LITMUS_FORK,        // likewise
    QUIRE_LITMUS_EXIT,        // arguments: status
    QUIRE_LITMUS_PIN,         // arguments: address, bytes, handle; for long and for writing, as a buffer of io_uring
    QUIRE_LITMUS_UNPIN,       // arguments: the operation that has pinned
};

/// Added to an argument: nothing, the result of an operation, or the pid of an actor.
#define QUIRE_LITMUS_RESULT 1ull    // + the operation's place
#define QUIRE_LITMUS_PID    0x1000ull // + the actor

struct quire_litmus_operation {
    uint64_t kind, actor;
    uint64_t call; // the number of a system call
    uint64_t line;
    uint64_t arguments[6];
    uint64_t added[6];
};

struct quire_litmus_actor {
    uint64_t begin, end; // its operations of the block
    uint64_t cpu;
    uint64_t number;     // of its process in the file
    uint64_t starts;     // it is there when the block begins
    uint64_t counts;     // it is there when the block ends, or ends itself in it
    uint64_t persists;   // a thread of the first process: made in the first run, it takes part in all of them
};

struct quire_litmus {
    uint64_t actor_count, operation_count, observed_count;
    uint64_t before, after; // where the operations before the block end, and where those after it begin
    uint64_t crowded;       // there are more actors than CPUs
    uint64_t plain;         // the block and what follows are accesses to what stores before it have written: calls
                            // before the block are made in the first run and stay
    uint64_t forks, opens, pins; // whether operations make processes, descriptors, pins
    struct quire_litmus_actor actors[QUIRE_LITMUS_ACTORS];
    uint64_t observed[QUIRE_LITMUS_OBSERVED]; // operations
    struct quire_litmus_operation operations[QUIRE_LITMUS_OPERATIONS];
};

/// How a result ended; two bits of the second word of an outcome for each observed operation.
enum quire_litmus_ending { QUIRE_LITMUS_VALUE, QUIRE_LITMUS_ERROR, QUIRE_LITMUS_SIGNAL };

// A request QUIRE_LITMUS carries the test (as many operations as it has); arguments: runs, seed, milliseconds after which
// no further run begins, seconds in which 16 runs must have been made. The reply has the number of runs and carries a word
// with the number of outcomes and for each: how often, the endings, the values. Or its error is ETIMEDOUT (result: the line
// that did not come to an end), E2BIG (too many outcomes), ENOSYS (no io_uring), or why a thread or process could not be
// made (result: the line).

#endif
