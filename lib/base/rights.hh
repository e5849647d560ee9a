#pragma once
// What principals, and groups of them, may do with a region. pmemckpt-security.7, RIGHTS.
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "lib/base/result.hh"

namespace pmemckpt {

enum class Right : std::uint8_t {
    read = 1,         ///< generations, log, events, cursors
    append = 2,       ///< open the log for append, which shows the log's bytes, too
    write = 4,        ///< begin and seal generations
    take_over = 8,    ///< fence who writes
    administer = 16,  ///< retention, pins, clear, destroy, and the rights of others
};

inline constexpr std::array kRights{Right::read, Right::append, Right::write, Right::take_over,
                                    Right::administer};

/// A set of them, as it lies on the medium and goes over the wire.
class Rights {
public:
    constexpr Rights() = default;
    constexpr Rights(Right right) : bits_(static_cast<std::uint8_t>(right)) {}
    static constexpr Rights all() { return Rights(kAll); }
    /// EUCLEAN for a bit that is no right.
    static Result<Rights> of_bits(std::uint8_t bits);
    /// "read,append", "all"; empty: none. EINVAL for a word that is no right.
    static Result<Rights> parse(std::string_view text);

    constexpr std::uint8_t bits() const { return bits_; }
    constexpr bool none() const { return bits_ == 0; }
    constexpr bool has(Right right) const { return (bits_ & static_cast<std::uint8_t>(right)) != 0; }
    constexpr Rights with(Rights more) const { return Rights(bits_ | more.bits_); }
    constexpr Rights without(Rights gone) const { return Rights(bits_ & ~gone.bits_); }
    bool operator==(const Rights&) const = default;

private:
    static constexpr unsigned kAll = 31;
    explicit constexpr Rights(unsigned bits) : bits_(static_cast<std::uint8_t>(bits & kAll)) {}
    std::uint8_t bits_ = 0;
};

const char* to_string(Right right);
/// "all", "read,append", "none".
std::string to_string(Rights rights);

/// Who has rights: a principal, or "%" and the name of a group. EINVAL for anything else.
Status check_grantee(std::string_view name);
/// "%ops"
std::string grantee_of_group(std::string_view group);

}  // namespace pmemckpt
