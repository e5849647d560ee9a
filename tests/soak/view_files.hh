#pragma once
// The files of a mount, read as cp(1) would, and told to the supervisor. Errors are std::system_error.
#include <cstdint>
#include <filesystem>
#include <string>

#include "tests/soak/content.hh"

namespace soak {

namespace fs = std::filesystem;

/// An open file of the view.
class ViewFile {
public:
    explicit ViewFile(const fs::path& path);
    ~ViewFile();
    ViewFile(const ViewFile&) = delete;
    ViewFile& operator=(const ViewFile&) = delete;

    Bytes read();  ///< to its end
    std::uint64_t size() const;
    /// user.pmemckpt.NAME; empty when there is none.
    std::string attribute(const std::string& name) const;
    std::uint64_t number(const std::string& name) const;

private:
    std::string path_;
    int descriptor_;
};

/// Of records in order: the chain up to each follows from the one before it.
std::uint64_t chained(std::uint64_t chain, std::uint64_t hash);

// `region` is its index; `verb` what is said.
void tell_generation_file(const std::string& verb, std::uint64_t region, const fs::path& path);
void tell_log_file(const std::string& verb, std::uint64_t region, const fs::path& path);
/// Moves the cursor of whose folder it is.
void tell_unread_file(std::uint64_t region, const fs::path& path);

}  // namespace soak
