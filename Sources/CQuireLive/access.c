// The accesses of a litmus test, one instruction each, what a fault makes of them, and how a thread begins: what C
// cannot say. An access is a function without a stack frame, so that a fault's handler can end it: it puts the
// signal's number into the second result and goes on at the return.
#define _GNU_SOURCE
#include "litmus.h"
#include "system_call.h"

#include <signal.h>
#include <ucontext.h>

#if QUIRE_HAS_SYSTEM_CALL

extern const char quire_access_begin[] HIDDEN, quire_access_end[] HIDDEN;
void quire_signal_return(void) HIDDEN;

#if defined(__x86_64__)

#define ACCESS(name, instruction) ".hidden " #name "\n.globl " #name "\n" #name ":\n" instruction "\nxorl %edx, %edx\nret\n"

__asm__(".pushsection .text\n.balign 64\n"
        ".hidden quire_access_begin\n.globl quire_access_begin\nquire_access_begin:\n"
        ACCESS(quire_store1, "movb %sil, (%rdi)\nxorl %eax, %eax")
        ACCESS(quire_store2, "movw %si, (%rdi)\nxorl %eax, %eax")
        ACCESS(quire_store4, "movl %esi, (%rdi)\nxorl %eax, %eax")
        ACCESS(quire_store8, "movq %rsi, (%rdi)\nxorl %eax, %eax")
        ACCESS(quire_load1, "movzbl (%rdi), %eax")
        ACCESS(quire_load2, "movzwl (%rdi), %eax")
        ACCESS(quire_load4, "movl (%rdi), %eax")
        ACCESS(quire_load8, "movq (%rdi), %rax")
        ".hidden quire_access_end\n.globl quire_access_end\nquire_access_end:\nret\n"
        ".hidden quire_signal_return\n.globl quire_signal_return\nquire_signal_return:\n"
        "movl $15, %eax\nsyscall\n" // rt_sigreturn
        ".popsection\n");

static uint64_t place_of(const ucontext_t *context)
{
    return (uint64_t)context->uc_mcontext.gregs[REG_RIP];
}

static void end_access(ucontext_t *context, int signal)
{
    context->uc_mcontext.gregs[REG_RDX] = signal;
    context->uc_mcontext.gregs[REG_RIP] = (greg_t)quire_access_end;
}

WORKER_HIDDEN int64_t quire_litmus_start_thread(
    uint64_t stack_end, uint32_t *word, void (*body)(uint64_t), uint64_t actor)
{
    int64_t result;
    register uint64_t r10 __asm__("r10") = (uint64_t)word;
    register uint64_t r12 __asm__("r12") = (uint64_t)body;
    register uint64_t r13 __asm__("r13") = actor;
    __asm__ volatile("xorl %%r8d, %%r8d\n"
                     "syscall\n"
                     "testq %%rax, %%rax\n"
                     "jnz 1f\n"
                     "xorl %%ebp, %%ebp\n"
                     "movq %%r13, %%rdi\n"
                     "callq *%%r12\n"
                     "ud2\n"
                     "1:\n"
                     : "=a"(result)
                     : "a"((long)SYS_clone), "D"(QUIRE_THREAD_FLAGS), "S"(stack_end), "d"(word), "r"(r10), "r"(r12),
                     "r"(r13)
                     : "rcx", "r8", "r11", "memory");
    return result;
}

#else

#define ACCESS(name, instruction) ".hidden " #name "\n.globl " #name "\n" #name ":\n" instruction "\nmov x1, xzr\nret\n"

__asm__(".pushsection .text\n.balign 64\n"
        ".hidden quire_access_begin\n.globl quire_access_begin\nquire_access_begin:\n"
        ACCESS(quire_store1, "strb w1, [x0]\nmov x0, xzr")
        ACCESS(quire_store2, "strh w1, [x0]\nmov x0, xzr")
        ACCESS(quire_store4, "str w1, [x0]\nmov x0, xzr")
        ACCESS(quire_store8, "str x1, [x0]\nmov x0, xzr")
        ACCESS(quire_load1, "ldrb w0, [x0]")
        ACCESS(quire_load2, "ldrh w0, [x0]")
        ACCESS(quire_load4, "ldr w0, [x0]")
        ACCESS(quire_load8, "ldr x0, [x0]")
        ".hidden quire_access_end\n.globl quire_access_end\nquire_access_end:\nret\n"
        ".hidden quire_signal_return\n.globl quire_signal_return\nquire_signal_return:\n"
        "mov x8, #139\nsvc #0\n" // rt_sigreturn
        ".popsection\n");

static uint64_t place_of(const ucontext_t *context)
{
    return context->uc_mcontext.pc;
}

static void end_access(ucontext_t *context, int signal)
{
    context->uc_mcontext.regs[1] = (uint64_t)signal;
    context->uc_mcontext.pc = (uint64_t)quire_access_end;
}

WORKER_HIDDEN int64_t quire_litmus_start_thread(
    uint64_t stack_end, uint32_t *word, void (*body)(uint64_t), uint64_t actor)
{
    register uint64_t x8 __asm__("x8") = SYS_clone;
    register uint64_t x0 __asm__("x0") = QUIRE_THREAD_FLAGS;
    register uint64_t x1 __asm__("x1") = stack_end;
    register uint64_t x2 __asm__("x2") = (uint64_t)word;
    register uint64_t x3 __asm__("x3") = 0;
    register uint64_t x4 __asm__("x4") = (uint64_t)word;
    register uint64_t x19 __asm__("x19") = (uint64_t)body;
    register uint64_t x20 __asm__("x20") = actor;
    __asm__ volatile("svc #0\n"
                     "cbnz x0, 1f\n"
                     "mov x29, xzr\n"
                     "mov x0, x20\n"
                     "blr x19\n"
                     "brk #0\n"
                     "1:\n"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x19), "r"(x20)
                     : "x30", "memory", "cc");
    return (int64_t)x0;
}

#endif

// ---- Faults ----

/// What the kernel takes, without a library between.
struct kernel_action {
    void (*handler)(int, void *, void *);
    uint64_t flags;
    void (*restorer)(void);
    uint64_t mask;
};

WORKER_HIDDEN void quire_litmus_take_signal(int signal, void (*handler)(int, void *, void *))
{
    struct kernel_action action;
    action.handler = handler;
    action.flags = SA_SIGINFO | 0x04000000 /* SA_RESTORER */;
    action.restorer = quire_signal_return;
    action.mask = 0;
    system_call(SYS_rt_sigaction, (uint64_t)signal, (uint64_t)&action, 0, 8, 0, 0);
}

WORKER void fault(int signal, void *information, void *context)
{
    (void)information;
    uint64_t place = place_of(context);
    if (place < (uint64_t)quire_access_begin || place >= (uint64_t)quire_access_end)
        system_call(SYS_exit_group, 99, 0, 0, 0, 0, 0);
    end_access(context, signal);
}

WORKER_HIDDEN void quire_litmus_take_faults(void)
{
    quire_litmus_take_signal(SIGSEGV, fault);
    quire_litmus_take_signal(SIGBUS, fault);
}

#endif
