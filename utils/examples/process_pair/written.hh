#pragma once
// What the clients and the archive write down, a line of text each, for the audit.
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "utils/examples/process_pair/bank.hh"

namespace process_pair {

struct Answered {  // "answered CLIENT NUMBER FROM TO AMOUNT OUTCOME FROM_BALANCE TO_BALANCE EPOCH TIME_NS"
    Transfer transfer;
    Result result;
    std::uint64_t epoch = 0;
    std::int64_t time_ns = 0;  ///< since 1970, UTC
};
struct Unanswered {  // "unanswered CLIENT NUMBER FROM TO AMOUNT"
    Transfer transfer;
};
struct Archived {  // "record ORDER CLIENT NUMBER FROM TO AMOUNT OUTCOME FROM_BALANCE TO_BALANCE EPOCH"
    Entry entry;
    std::uint64_t epoch = 0;
};
std::string to_line(const Answered& answered);
std::string to_line(const Unanswered& unanswered);
std::string to_line(const Archived& archived);

/// Throws with the line's number when it is none of these.
void read_answers(const std::string& path, const std::function<void(const Answered&)>& answered,
                  const std::function<void(const Unanswered&)>& unanswered);
/// A last line without its end, of an archive that was killed, is left out.
void read_archive(const std::string& path, const std::function<void(const Archived&)>& archived);

}  // namespace process_pair
