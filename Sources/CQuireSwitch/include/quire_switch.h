// Switching between stacks of one thread: what the explorer runs each simulated CPU on. A switch saves what a called
// function must preserve and nothing else, so it costs a few nanoseconds and no system call.
#ifndef QUIRE_SWITCH_H
#define QUIRE_SWITCH_H

/// Saves this stack's place in `*from` and goes on where `to` was saved; returns when somebody switches back.
void quire_switch(void **from, void *to);

/// Lays a first frame on a stack whose end is `top` (16-byte aligned): the place to switch to, which calls
/// `entry(argument)`. `entry` never returns.
void *quire_stack_prepare(void *top, void (*entry)(void *), void *argument);

/// Has code that traps (SIGILL, SIGTRAP, SIGSEGV) on a thread under guard call the guard's function. Once a process.
void quire_trap_install(void);

/// Puts this thread under guard: where code traps, `run` is called on the same stack, and never returns. NULL ends that.
void quire_trap_guard(void (*run)(void *scheduler, void *address), void *scheduler);

/// The name of the function that an address lies in, where the linker has kept it; else empty.
const char *quire_trap_symbol(void *address);

/// Whether this architecture has the switch.
int quire_switch_possible(void);

#endif
