// The switch itself: the registers that a called function must preserve go onto the stack that is left, and come from the
// stack that is entered. System V ABI on x86-64 (rbx, rbp, r12 to r15), AAPCS64 on arm64 (x19 to x30, d8 to d15).
#include "quire_switch.h"

#include <stdint.h>

#if defined(__x86_64__)

__asm__(".text\n"
        ".globl quire_switch\n"
        ".type quire_switch, @function\n"
        "quire_switch:\n"
        "    pushq %rbp\n"
        "    pushq %rbx\n"
        "    pushq %r12\n"
        "    pushq %r13\n"
        "    pushq %r14\n"
        "    pushq %r15\n"
        "    movq %rsp, (%rdi)\n"
        "    movq %rsi, %rsp\n"
        "    popq %r15\n"
        "    popq %r14\n"
        "    popq %r13\n"
        "    popq %r12\n"
        "    popq %rbx\n"
        "    popq %rbp\n"
        "    ret\n"
        ".size quire_switch, . - quire_switch\n"
        ".type quire_first_frame, @function\n"
        "quire_first_frame:\n"
        "    movq %r12, %rdi\n"
        "    callq *%r13\n"
        "    ud2\n"
        ".size quire_first_frame, . - quire_first_frame\n");

void quire_first_frame(void);

void *quire_stack_prepare(void *top, void (*entry)(void *), void *argument)
{
    // At the first frame's call the stack must be a multiple of 16.
    uint64_t *at = (uint64_t *)top - 2;
    *--at = (uint64_t)quire_first_frame;
    *--at = 0; // rbp: the end of a chain of frames
    *--at = 0; // rbx
    *--at = (uint64_t)argument; // r12
    *--at = (uint64_t)entry; // r13
    *--at = 0; // r14
    *--at = 0; // r15
    return at;
}

int quire_switch_possible(void)
{
    return 1;
}

#elif defined(__aarch64__)

__asm__(".text\n"
        ".globl quire_switch\n"
        ".type quire_switch, %function\n"
        "quire_switch:\n"
        "    sub sp, sp, #160\n"
        "    stp x19, x20, [sp, #0]\n"
        "    stp x21, x22, [sp, #16]\n"
        "    stp x23, x24, [sp, #32]\n"
        "    stp x25, x26, [sp, #48]\n"
        "    stp x27, x28, [sp, #64]\n"
        "    stp x29, x30, [sp, #80]\n"
        "    stp d8, d9, [sp, #96]\n"
        "    stp d10, d11, [sp, #112]\n"
        "    stp d12, d13, [sp, #128]\n"
        "    stp d14, d15, [sp, #144]\n"
        "    mov x9, sp\n"
        "    str x9, [x0]\n"
        "    mov sp, x1\n"
        "    ldp x19, x20, [sp, #0]\n"
        "    ldp x21, x22, [sp, #16]\n"
        "    ldp x23, x24, [sp, #32]\n"
        "    ldp x25, x26, [sp, #48]\n"
        "    ldp x27, x28, [sp, #64]\n"
        "    ldp x29, x30, [sp, #80]\n"
        "    ldp d8, d9, [sp, #96]\n"
        "    ldp d10, d11, [sp, #112]\n"
        "    ldp d12, d13, [sp, #128]\n"
        "    ldp d14, d15, [sp, #144]\n"
        "    add sp, sp, #160\n"
        "    ret\n"
        ".type quire_first_frame, %function\n"
        "quire_first_frame:\n"
        "    mov x0, x19\n"
        "    blr x20\n"
        "    brk #1\n");

void quire_first_frame(void);

void *quire_stack_prepare(void *top, void (*entry)(void *), void *argument)
{
    uint64_t *at = (uint64_t *)top - 20;
    for (int place = 0; place < 20; place++)
        at[place] = 0;
    at[0] = (uint64_t)argument; // x19
    at[1] = (uint64_t)entry; // x20
    at[11] = (uint64_t)quire_first_frame; // x30
    return at;
}

int quire_switch_possible(void)
{
    return 1;
}

#else

void quire_switch(void **from, void *to)
{
    (void)from, (void)to;
}

void *quire_stack_prepare(void *top, void (*entry)(void *), void *argument)
{
    (void)entry, (void)argument;
    return top;
}

int quire_switch_possible(void)
{
    return 0;
}

#endif
