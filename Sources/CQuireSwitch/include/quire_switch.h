// Switching between stacks of one thread: what the explorer runs each simulated CPU on. A switch saves what a called
// function must preserve and nothing else, so it costs a few nanoseconds and no system call.
#ifndef QUIRE_SWITCH_H
#define QUIRE_SWITCH_H

/// Saves this stack's place in `*from` and goes on where `to` was saved; returns when somebody switches back.
void quire_switch(void **from, void *to);

/// Lays a first frame on a stack whose end is `top` (16-byte aligned): the place to switch to, which calls
/// `entry(argument)`. `entry` never returns.
void *quire_stack_prepare(void *top, void (*entry)(void *), void *argument);

/// Whether this architecture has the switch.
int quire_switch_possible(void);

#endif
