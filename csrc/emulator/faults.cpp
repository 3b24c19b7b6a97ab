// Kernels that fault or never end.
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include <vector>

#define EDUDET_ENGINE
#include "checker.h"
#include "machine.h"
#include "symbols.h"

namespace edudet::emulator {

volatile bool time_is_up = false;

namespace {

const int kSignals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
const int kTimer = SIGRTMIN + 7;
const double kTick = 0.01;  // seconds between two looks at a kernel that is late

struct sigaction previous[4];
pid_t kernel_thread = 0;
uintptr_t code_begin = 0, code_end = 0;
timer_t timer;
bool timer_runs = false;

uintptr_t program_counter(void* context) {
  auto* u = static_cast<ucontext_t*>(context);
#if defined(__x86_64__)
  return uintptr_t(u->uc_mcontext.gregs[REG_RIP]);
#elif defined(__aarch64__)
  return uintptr_t(u->uc_mcontext.pc);
#else
  (void)u;
  return 0;
#endif
}

bool mine() { return running() && pid_t(syscall(SYS_gettid)) == kernel_thread; }

void on_fault(int signal, siginfo_t* info, void* context) {
  if (!mine()) {  // not a kernel's fault: as if this handler were not here
    for (int i = 0; i < 4; i++) sigaction(kSignals[i], &previous[i], nullptr);
    if (info->si_code <= 0) raise(signal);
    return;
  }
  const void* at = reinterpret_cast<void*>(program_counter(context));
  char text[96] = "illegal instruction";
  if (signal == SIGFPE) snprintf(text, sizeof text, "integer division by zero");
  if (signal == SIGSEGV || signal == SIGBUS) {
    snprintf(text, sizeof text, "no memory at address %p (or the stack is full)", info->si_addr);
  }
  const bool memory = signal == SIGSEGV || signal == SIGBUS;
  abandon(memory ? cudaErrorIllegalAddress : cudaErrorLaunchFailure,
          memory ? "illegal address" : "arithmetic fault", text, {nullptr, 0}, at);
}

// The kernel may be inside malloc or printf, which must not be left in the middle: it is stopped
// only in code of its own, or by the engine, when it calls there.
void on_timer(int, siginfo_t*, void* context) {
  if (!mine()) return;
  time_is_up = true;
  const uintptr_t at = program_counter(context);
  if (at < code_begin || at >= code_end) return;
  // Nor in a function of watch.h: the checker, which it calls, knows of which access.
  if (checker::on()) {
    const char* name = find_symbol(reinterpret_cast<void*>(at)).name;
    if (name && __builtin_strncmp(name, "__tsan_", 7) == 0) return;
  }
  abandon(cudaErrorLaunchTimeout, "time limit",
          "the kernel did not end within its time limit; does a loop never end?", {nullptr, 0},
          reinterpret_cast<void*>(at));
}

struct Search {
  uintptr_t address;
};

int find_code(dl_phdr_info* info, size_t, void* data) {
  const uintptr_t address = static_cast<Search*>(data)->address;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const auto& segment = info->dlpi_phdr[i];
    const uintptr_t begin = info->dlpi_addr + segment.p_vaddr;
    if (segment.p_type != PT_LOAD || !(segment.p_flags & PF_X)) continue;
    if (address < begin || address >= begin + segment.p_memsz) continue;
    code_begin = begin;
    code_end = begin + segment.p_memsz;
    return 1;
  }
  return 0;
}

// A fault on a full stack can only be handled on another one.
void give_signals_a_stack() {
  static thread_local std::vector<char> memory;
  stack_t stack{};
  sigaltstack(nullptr, &stack);
  if (!(stack.ss_flags & SS_DISABLE)) return;  // Python's faulthandler has brought one
  memory.resize(64 << 10);
  stack.ss_sp = memory.data();
  stack.ss_size = memory.size();
  stack.ss_flags = 0;
  sigaltstack(&stack, nullptr);
}

void start_timer(double seconds) {
  struct sigevent event{};
  event.sigev_notify = SIGEV_THREAD_ID;
  event.sigev_signo = kTimer;
#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif
  event.sigev_notify_thread_id = kernel_thread;
  if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0) return;
  struct sigaction action{};
  action.sa_sigaction = on_timer;
  action.sa_flags = SA_SIGINFO | SA_NODEFER | SA_RESTART;
  sigaction(kTimer, &action, nullptr);  // for ever: a tick may still come after timer_delete
  itimerspec when{};
  when.it_value = {time_t(seconds), long((seconds - double(time_t(seconds))) * 1e9) + 1};
  when.it_interval = {0, long(kTick * 1e9)};
  timer_settime(timer, 0, &when, nullptr);
  timer_runs = true;
}

}  // namespace

FaultGuard::FaultGuard(const void* kernel_code, double time_limit) {
  kernel_thread = pid_t(syscall(SYS_gettid));
  time_is_up = false;
  give_signals_a_stack();
  struct sigaction action{};
  action.sa_sigaction = on_fault;
  // The handler is left by a jump, not by a return: NODEFER keeps the signal from staying blocked.
  action.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK;
  for (int i = 0; i < 4; i++) sigaction(kSignals[i], &action, &previous[i]);
  if (time_limit <= 0) return;
  Search search{reinterpret_cast<uintptr_t>(kernel_code)};
  dl_iterate_phdr(find_code, &search);
  start_timer(time_limit);
}

FaultGuard::~FaultGuard() {
  if (timer_runs) {
    timer_delete(timer);
    timer_runs = false;
  }
  for (int i = 0; i < 4; i++) sigaction(kSignals[i], &previous[i], nullptr);
}

}  // namespace edudet::emulator
