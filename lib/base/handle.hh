#pragma once
// Owners of C handles: one line each, members in creation order.
#include <unistd.h>

#include <memory>
#include <utility>

namespace pmemckpt {

template <auto Close>
struct Closer {
    void operator()(auto* handle) const noexcept {
        if (handle)
            Close(handle);
    }
};

class FileDescriptor {
public:
    FileDescriptor() = default;
    explicit FileDescriptor(int number) : number_(number) {}
    FileDescriptor(FileDescriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    FileDescriptor& operator=(FileDescriptor&& other) noexcept {
        if (this != &other)
            reset(std::exchange(other.number_, -1));
        return *this;
    }
    ~FileDescriptor() { reset(); }

    int get() const { return number_; }
    explicit operator bool() const { return number_ >= 0; }
    void reset(int number = -1) {
        if (number_ >= 0)
            ::close(number_);
        number_ = number;
    }

private:
    int number_ = -1;
};

}  // namespace pmemckpt
