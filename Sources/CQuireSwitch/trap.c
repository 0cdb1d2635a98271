// What code that traps does to the run that it is in: the signal's handler does not return to the trap but to a function of
// the scheduler's, on the same stack, which leaves that stack for good. Only for the thread that explores.
#define _GNU_SOURCE
#include "quire_switch.h"

#include <dlfcn.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <ucontext.h>

static _Thread_local void (*handler)(void *scheduler, void *address);
static _Thread_local void *scheduler;
static _Thread_local void *trapped_at;
static struct sigaction before[3];
static const int signals[3] = { SIGILL, SIGTRAP, SIGSEGV };

static void land(void)
{
    handler(scheduler, trapped_at);
}

static void caught(int number, siginfo_t *information, void *context)
{
    ucontext_t *state = context;
    if (!handler) {
        // Nobody explores on this thread: as it would have been.
        for (int i = 0; i < 3; i++)
            if (signals[i] == number)
                sigaction(number, &before[i], NULL);
        return;
    }
    (void)information;
#if defined(__x86_64__)
    trapped_at = (void *)state->uc_mcontext.gregs[REG_RIP];
    // As after a call: 8 off a multiple of 16, beyond the red zone.
    uint64_t stack = ((uint64_t)state->uc_mcontext.gregs[REG_RSP] - 256) & ~15ull;
    state->uc_mcontext.gregs[REG_RSP] = (greg_t)(stack - 8);
    state->uc_mcontext.gregs[REG_RIP] = (greg_t)land;
#elif defined(__aarch64__)
    trapped_at = (void *)state->uc_mcontext.pc;
    state->uc_mcontext.sp = (state->uc_mcontext.sp - 256) & ~15ull;
    state->uc_mcontext.pc = (uint64_t)land;
#endif
}

void quire_trap_install(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = caught;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    sigemptyset(&action.sa_mask);
    for (int i = 0; i < 3; i++)
        sigaction(signals[i], &action, &before[i]);
}

void quire_trap_guard(void (*run)(void *scheduler, void *address), void *of)
{
    scheduler = of;
    handler = run;
}

const char *quire_trap_symbol(void *address)
{
    Dl_info found;
    return dladdr(address, &found) && found.dli_sname ? found.dli_sname : "";
}
