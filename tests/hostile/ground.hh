#pragma once
// The pool's file, each byte of it, as it lies there at any moment; and what of it nobody may change.
#include <string>
#include <vector>

#include "lib/base/units.hh"
#include "tests/support/talker.hh"

namespace pmemckpt::hostile {

/// What of the pool may change while an attack is tried.
enum class Moves {
    nothing,  ///< not a byte of the file
    own,      ///< pages of the attacker's and free ones, and what stands behind the journal's last record
};

class Ground {
public:
    explicit Ground(const std::string& path);
    Ground(const Ground&) = delete;
    Ground& operator=(const Ground&) = delete;
    ~Ground();

    /// Pages with this content, wherever they lie, stay as they are from now on.
    void keep(std::span<const std::byte> content, std::uint64_t page_size);
    void remember();
    /// Since remember(). Throws test::Failure with the first place that has changed, and the content of
    /// kept pages must be that of keep() in any case.
    void compare(Moves moves) const;
    bool holds(std::span<const std::byte> bytes) const;
    std::uint64_t kept_bytes() const;

private:
    struct Kept {
        std::uint64_t at;
        test::Bytes content;
    };
    void compare_kept() const;
    void compare_range(std::uint64_t from, std::uint64_t to, const char* what) const;
    void compare_journal() const;

    std::span<const std::byte> bytes_;
    test::Bytes before_;
    std::vector<Kept> kept_;
};

}  // namespace pmemckpt::hostile
