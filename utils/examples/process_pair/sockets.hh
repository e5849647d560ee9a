#pragma once
// TCP for lines of text: addresses, descriptors with an owner, and the two ways to get one.
#include <chrono>
#include <string>
#include <string_view>
#include <utility>

namespace process_pair {

inline constexpr std::size_t kLongestLine = 256;  ///< bytes of a request or an answer, with its end

/// Owns a file descriptor.
class Descriptor {
public:
    explicit Descriptor(int number = -1) noexcept : number_(number) {}
    Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(number_, other.number_);
        return *this;
    }
    ~Descriptor();
    int number() const noexcept { return number_; }
    explicit operator bool() const noexcept { return number_ >= 0; }

private:
    int number_;
};

struct Address {
    std::string host, port;
};
/// "HOST:PORT". std::invalid_argument.
Address parse_address(std::string_view text);

/// Listens, without blocking; std::system_error. `text` is the address with the port it got.
Descriptor listen_at(const Address& address, std::string& text);
/// Nothing when nobody is there, or does not answer in that time.
Descriptor connect_to(const Address& address, std::chrono::milliseconds timeout);

}  // namespace process_pair
