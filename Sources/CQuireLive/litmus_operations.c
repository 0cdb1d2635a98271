// What a litmus test does: accesses of one instruction each where they can be, system calls, and pins. Each operation
// notes its result on a cache line of its own.
#define _GNU_SOURCE
#include "litmus.h"
#include "system_call.h"

#include <errno.h>

#if QUIRE_HAS_SYSTEM_CALL

/// Compares so that the compiler makes no table of jumps out of it, which would lie in memory that is given up.
INLINE int is(uint64_t value, uint64_t wanted)
{
    __asm__ volatile("" : "+r"(value));
    return value == wanted;
}

// ---- Accesses ----

/// By assignment: an initialiser may call the library.
static inline struct access_end nothing(void)
{
    struct access_end end;
    end.value = end.signal = 0;
    return end;
}

/// The bytes of an access that is no single instruction, in ascending order.
WORKER struct access_end store_bytes(uint64_t address, uint64_t count, uint64_t value)
{
    struct access_end end = nothing();
    for (uint64_t i = 0; i < count && !end.signal; i++)
        end = quire_store1(address + i, value);
    return end;
}

WORKER struct access_end load_bytes(uint64_t address, uint64_t count)
{
    struct access_end end = nothing();
    uint64_t value = 0;
    for (uint64_t i = 0; i < count; i++) {
        end = quire_load1(address + i);
        if (end.signal)
            return end;
        if (i < 8)
            value |= (end.value & 0xff) << 8 * i;
    }
    end.value = value;
    return end;
}

WORKER struct access_end touch(uint64_t address, uint64_t count, int writes)
{
    struct access_end end = nothing();
    for (uint64_t at = address; at < address + count && !end.signal; at = (at / PAGE + 1) * PAGE)
        end = writes ? quire_store1(at, at / PAGE) : quire_load1(at);
    end.value = 0;
    return end;
}

INLINE struct access_end store(uint64_t address, uint64_t count, uint64_t byte)
{
    uint64_t value = (byte & 0xff) * 0x0101010101010101ull;
    if (address & (count - 1))
        return store_bytes(address, count, value);
    if (is(count, 1))
        return quire_store1(address, value);
    if (is(count, 2))
        return quire_store2(address, value);
    if (is(count, 4))
        return quire_store4(address, value);
    return is(count, 8) ? quire_store8(address, value) : store_bytes(address, count, value);
}

INLINE struct access_end load(uint64_t address, uint64_t count)
{
    if (address & (count - 1))
        return load_bytes(address, count);
    if (is(count, 1))
        return quire_load1(address);
    if (is(count, 2))
        return quire_load2(address);
    if (is(count, 4))
        return quire_load4(address);
    return is(count, 8) ? quire_load8(address) : load_bytes(address, count);
}

// ---- Operations ----

INLINE void note(uint64_t place, uint64_t value, uint64_t ending)
{
    SHARED->results[place].value = value;
    SHARED->results[place].ending = ending;
}

INLINE void note_access(uint64_t place, struct access_end end)
{
    note(place, end.signal ? end.signal : end.value, end.signal ? QUIRE_LITMUS_SIGNAL : QUIRE_LITMUS_VALUE);
}

/// Puts memory into a place of the ring's table of buffers, or, for address 0, takes it out.
WORKER_HIDDEN int64_t quire_litmus_set_buffer(uint64_t place, uint64_t address, uint64_t count)
{
    volatile uint64_t range[2], update[4];
    range[0] = address;
    range[1] = count;
    update[0] = place; // and a reserved half
    update[1] = (uint64_t)range;
    update[2] = 0;
    update[3] = 1;
    return system_call(SYS_io_uring_register, SHARED->ring, 16 /* IORING_REGISTER_BUFFERS_UPDATE */, (uint64_t)update, 32,
        0, 0);
}

/// process_madvise of one range.
WORKER int64_t advise_process(const struct quire_litmus_operation *op)
{
    volatile uint64_t range[2];
    range[0] = argument(op, 1);
    range[1] = argument(op, 2);
    return system_call(SYS_process_madvise, argument(op, 0), (uint64_t)range, 1, argument(op, 3), argument(op, 4), 0);
}

WORKER int64_t pin(uint64_t place, const struct quire_litmus_operation *op)
{
    int64_t error = argument(op, 1) ? quire_litmus_set_buffer(place, argument(op, 0), argument(op, 1)) : -EINVAL;
    return error < 0 ? error : (int64_t)op->arguments[2];
}

WORKER int64_t unpin(const struct quire_litmus_operation *op)
{
    struct litmus_result *pinned = &SHARED->results[op->arguments[0]];
    int64_t error = pinned->ending == QUIRE_LITMUS_VALUE ? quire_litmus_set_buffer(op->arguments[0], 0, 0) : -EINVAL;
    return error < 0 ? error : 0; // success is the number of places set
}

/// The number that the file has for a process.
WORKER int64_t number_of(int64_t pid)
{
    for (uint64_t i = 0; i < SHARED->test.actor_count; i++)
        if (SHARED->actors[i].pid == (uint64_t)pid)
            return (int64_t)SHARED->test.actors[i].number;
    return pid;
}

WORKER int64_t call(uint64_t place, const struct quire_litmus_operation *op)
{
    if (is(op->kind, QUIRE_LITMUS_PIN))
        return pin(place, op);
    if (is(op->kind, QUIRE_LITMUS_UNPIN))
        return unpin(op);
    if (is(op->kind, QUIRE_LITMUS_ADVISE))
        return advise_process(op);
    if (is(op->kind, QUIRE_LITMUS_THREAD))
        return quire_litmus_make_thread(place, op->arguments[0]), (int64_t)op->arguments[1];
    if (is(op->kind, QUIRE_LITMUS_FORK))
        return quire_litmus_make_process(place, op->arguments[0]), (int64_t)op->arguments[1];
    int64_t result = system_call((long)op->call, argument(op, 0), argument(op, 1), argument(op, 2), argument(op, 3),
        argument(op, 4), argument(op, 5));
    return op->kind == QUIRE_LITMUS_WAIT && result > 0 ? number_of(result) : result;
}

WORKER void perform_call(uint64_t actor, uint64_t place, const struct quire_litmus_operation *op)
{
    SHARED->actors[actor].busy = place + 1;
    int64_t result = call(place, op);
    int failed = result < 0 && result >= -4095;
    note(place, failed ? (uint64_t)-result : (uint64_t)result, failed ? QUIRE_LITMUS_ERROR : QUIRE_LITMUS_VALUE);
    SHARED->actors[actor].busy = 0;
}

WORKER_HIDDEN void quire_litmus_perform(uint64_t actor, uint64_t place)
{
    const struct quire_litmus_operation *op = &SHARED->test.operations[place];
    if (is(op->kind, QUIRE_LITMUS_STORE))
        note_access(place, store(argument(op, 0), op->arguments[1], op->arguments[2]));
    else if (is(op->kind, QUIRE_LITMUS_LOAD))
        note_access(place, load(argument(op, 0), op->arguments[1]));
    else if (is(op->kind, QUIRE_LITMUS_TOUCH_WRITE) || is(op->kind, QUIRE_LITMUS_TOUCH_READ))
        note_access(place, touch(argument(op, 0), op->arguments[1], is(op->kind, QUIRE_LITMUS_TOUCH_WRITE)));
    else
        perform_call(actor, place, op);
}

#endif
