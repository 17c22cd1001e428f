// The memory of a stream: every part of a model says what it needs when the model is opened, and a
// stream allocates all of it in one piece.
#ifndef EDGE_RNNT_MEMORY_H_
#define EDGE_RNNT_MEMORY_H_

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <new>

namespace edge_rnnt {

// Where a stream's arrays lie. `kept` is state; `scratch` means nothing from one step to the next.
struct Memory {
  std::byte *kept = nullptr, *scratch = nullptr;
};

// An array's place in every stream's memory.
template <class T>
class Array {
 public:
  T* operator()(Memory memory) const {
    return reinterpret_cast<T*>((kept_ ? memory.kept : memory.scratch) + offset_);
  }

 private:
  friend class Plan;
  size_t offset_ = 0;
  bool kept_ = true;
};

class Plan {
 public:
  // State of `count` numbers; all zero when a stream begins.
  template <class T>
  Array<T> keep(size_t count) {
    return place<T>(count, true, &kept_);
  }
  // Room for intermediate results, which parts that run one after the other share.
  template <class T>
  Array<T> scratch(size_t count) {
    const Array<T> array = place<T>(count, false, &used_);
    scratch_ = std::max(scratch_, used_);
    return array;
  }
  // What is planned from here on may overwrite the scratch planned so far.
  void reuse_scratch() { used_ = 0; }

  size_t kept_bytes() const { return kept_; }
  size_t scratch_bytes() const { return scratch_; }

 private:
  static constexpr size_t kLine = 64;

  template <class T>
  Array<T> place(size_t count, bool kept, size_t* used) {
    Array<T> array;
    array.offset_ = *used, array.kept_ = kept;
    // A line to spare: vector instructions may touch what follows an array.
    *used += (count * sizeof(T) + kLine - 1) / kLine * kLine + kLine;
    return array;
  }

  size_t kept_ = 0, scratch_ = 0, used_ = 0;
};

// One stream's share.
class StreamMemory {
 public:
  explicit StreamMemory(const Plan& plan)
      : kept_(plan.kept_bytes()),
        all_(static_cast<std::byte*>(::operator new(kept_ + plan.scratch_bytes(), kAligned))) {
    std::memset(all_.get(), 0, kept_ + plan.scratch_bytes());
  }
  operator Memory() const { return {all_.get(), all_.get() + kept_}; }
  void clear() { std::memset(all_.get(), 0, kept_); }

 private:
  static constexpr std::align_val_t kAligned{64};
  struct Free {
    void operator()(std::byte* memory) const { ::operator delete(memory, kAligned); }
  };

  size_t kept_;
  std::unique_ptr<std::byte, Free> all_;
};

}  // namespace edge_rnnt
#endif  // EDGE_RNNT_MEMORY_H_
