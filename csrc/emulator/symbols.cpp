#include "symbols.h"

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

namespace edudet::emulator {

namespace {

struct Entry {
  uintptr_t begin;  // in the file's own count of addresses
  size_t bytes;
  std::string name;
};
using Table = std::vector<Entry>;  // by address

// A file as it lies in memory; every part is checked before it is read.
struct File {
  const char* data = nullptr;
  size_t bytes = 0;

  explicit File(const char* path) {
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return;
    struct stat facts;
    if (fstat(descriptor, &facts) == 0 && facts.st_size > 0) {
      void* memory = mmap(nullptr, size_t(facts.st_size), PROT_READ, MAP_PRIVATE, descriptor, 0);
      if (memory != MAP_FAILED) data = static_cast<const char*>(memory), bytes = facts.st_size;
    }
    close(descriptor);
  }
  ~File() {
    if (data) munmap(const_cast<char*>(data), bytes);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  template <class T>
  const T* at(size_t offset, size_t count) const {
    if (offset % alignof(T) || offset > bytes || count > (bytes - offset) / sizeof(T)) {
      return nullptr;
    }
    return reinterpret_cast<const T*>(data + offset);
  }
};

void add_symbols(const File& file, const ElfW(Shdr) & table, const ElfW(Shdr) & names, Table* out) {
  const size_t count = table.sh_size / sizeof(ElfW(Sym));
  const auto* symbols = file.at<ElfW(Sym)>(table.sh_offset, count);
  const char* texts = file.at<char>(names.sh_offset, names.sh_size);
  if (!symbols || !texts || names.sh_size == 0 || texts[names.sh_size - 1] != 0) return;
  for (size_t i = 0; i < count; i++) {
    const auto& s = symbols[i];
    const int type = s.st_info & 0xf;
    if ((type != STT_OBJECT && type != STT_FUNC) || s.st_shndx == SHN_UNDEF || s.st_size == 0 ||
        s.st_name >= names.sh_size) {
      continue;
    }
    out->push_back({uintptr_t(s.st_value), size_t(s.st_size), texts + s.st_name});
  }
}

Table read_table(const char* path) {
  Table table;
  const File file(path);
  const auto* head = file.at<ElfW(Ehdr)>(0, 1);
  if (!head || __builtin_memcmp(head->e_ident, ELFMAG, SELFMAG) != 0) return table;
  const auto* sections = file.at<ElfW(Shdr)>(head->e_shoff, head->e_shnum);
  if (!sections || head->e_shentsize != sizeof(ElfW(Shdr))) return table;
  for (int i = 0; i < head->e_shnum; i++) {
    if (sections[i].sh_type != SHT_SYMTAB || sections[i].sh_link >= head->e_shnum) continue;
    add_symbols(file, sections[i], sections[sections[i].sh_link], &table);
  }
  std::sort(table.begin(), table.end(),
            [](const Entry& a, const Entry& b) { return a.begin < b.begin; });
  return table;
}

}  // namespace

Symbol find_symbol(const void* address) {
  static std::map<const void*, Table> tables;  // by where the library lies; none is ever closed
  Dl_info info{};
  if (!dladdr(address, &info) || !info.dli_fname) return {};
  auto found = tables.find(info.dli_fbase);
  if (found == tables.end()) {
    found = tables.emplace(info.dli_fbase, read_table(info.dli_fname)).first;
  }
  const Table& table = found->second;
  const auto base = reinterpret_cast<uintptr_t>(info.dli_fbase);
  const uintptr_t at = reinterpret_cast<uintptr_t>(address) - base;
  auto next = std::upper_bound(table.begin(), table.end(), at,
                               [](uintptr_t a, const Entry& e) { return a < e.begin; });
  if (next == table.begin()) return {};
  const Entry& entry = *--next;
  if (at >= entry.begin + entry.bytes) return {};
  return {entry.name.c_str(), base + entry.begin, entry.bytes};
}

}  // namespace edudet::emulator
