#pragma once
// The manager that is attacked, as its host sees it: its descriptors, its memory, its log.
#include <sys/types.h>

#include <cstdint>
#include <string>

namespace pmemckpt::hostile {

class ManagerProcess {
public:
    ManagerProcess(pid_t pid, std::string log) : pid_(pid), log_(std::move(log)) {}

    bool lives() const;
    std::size_t descriptors() const;
    std::uint64_t own_memory() const;  ///< bytes; of no file
    /// How long the log is now.
    std::size_t log_size() const;
    /// Whether a line behind `from` has this in it; waits for it a little.
    bool has_logged(const std::string& text, std::size_t from) const;
    /// All of it, from there on.
    std::string log_from(std::size_t from) const;

private:
    pid_t pid_;
    std::string log_;
};

}  // namespace pmemckpt::hostile
