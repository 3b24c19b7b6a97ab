// How Python calls a kernel of a user's program: edudet/emulator writes, after the user's text,
//
//   extern "C" edudet::emulator::Entry edudet_entries[] = {edudet::emulator::entry("scale",
//   scale)}; extern "C" int edudet_entry_count = 1;
//
// so that the compiler itself says which arguments a kernel takes.
#pragma once
#include "engine.h"

struct __half;
struct __nv_bfloat16;

namespace edudet::emulator {

// kind: b bool, i signed, u unsigned, f floating point, h __half, B __nv_bfloat16, s anything else,
// v void; `pointer` says that `kind` and `bytes` are those of what it points to.
struct Argument {
  char kind;
  bool pointer, read_only;
  int bytes;
};

struct Call {
  const void* kernel;
  void** arguments;
};

struct Entry {
  const char* name;
  const void* kernel;
  void (*thread)(void* call);
  const Argument* arguments;
  int count;
};

template <class T>
constexpr char kind_of() {
  return 's';
}
#define EDUDET_KIND(T, letter)  \
  template <>                   \
  constexpr char kind_of<T>() { \
    return letter;              \
  }
EDUDET_KIND(bool, 'b')
EDUDET_KIND(char, 'i')
EDUDET_KIND(signed char, 'i')
EDUDET_KIND(short, 'i')
EDUDET_KIND(int, 'i')
EDUDET_KIND(long, 'i')
EDUDET_KIND(long long, 'i')
EDUDET_KIND(unsigned char, 'u')
EDUDET_KIND(unsigned short, 'u')
EDUDET_KIND(unsigned, 'u')
EDUDET_KIND(unsigned long, 'u')
EDUDET_KIND(unsigned long long, 'u')
EDUDET_KIND(float, 'f')
EDUDET_KIND(double, 'f')
EDUDET_KIND(__half, 'h')
EDUDET_KIND(__nv_bfloat16, 'B')
#undef EDUDET_KIND

template <class T>
struct Describe {
  static constexpr Argument argument{kind_of<T>(), false, true, int(sizeof(T))};
};
template <class T>
struct Describe<T*> {
  static constexpr Argument argument{kind_of<T>(), true, false, int(sizeof(T))};
};
template <class T>
struct Describe<const T*> {
  static constexpr Argument argument{kind_of<T>(), true, true, int(sizeof(T))};
};
template <>
struct Describe<void*> {
  static constexpr Argument argument{'v', true, false, 1};
};
template <>
struct Describe<const void*> {
  static constexpr Argument argument{'v', true, true, 1};
};

template <class... A>
struct Arguments {
  static constexpr Argument list[sizeof...(A) + 1] = {Describe<A>::argument..., {}};
};

// 0, 1, 2, ... as a pack (what std::index_sequence is, without its header).
template <int... I>
struct Indices {};
template <int n, int... I>
struct Count : Count<n - 1, n - 1, I...> {};
template <int... I>
struct Count<0, I...> {
  using type = Indices<I...>;
};

template <class... A, int... I>
EDUDET_UNWATCHED void call_kernel(void (*kernel)(A...), void** arguments, Indices<I...>) {
  kernel(*static_cast<A*>(arguments[I])...);
}

template <class... A>
EDUDET_UNWATCHED void run_entry(void* data) {
  const Call& call = *static_cast<Call*>(data);
  auto kernel = reinterpret_cast<void (*)(A...)>(const_cast<void*>(call.kernel));
  call_kernel(kernel, call.arguments, typename Count<sizeof...(A)>::type());
}

template <class... A>
Entry entry(const char* name, void (*kernel)(A...)) {
  return {name, reinterpret_cast<const void*>(kernel), run_entry<A...>, Arguments<A...>::list,
          int(sizeof...(A))};
}

}  // namespace edudet::emulator
