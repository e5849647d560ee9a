#pragma once
// What the commands of pmemckpt-ctl are given, and what does them. command_table.cc fills these from argv.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/exit_status.hh"
#include "lib/base/result.hh"
#include "lib/client/client.hh"

namespace pmemckpt::ctl {

struct Common {
    client::Options connection;
    std::string admin_socket;  ///< empty: the default one, when no server is chosen
    bool json = false;
};

struct CreatePool {
    std::string path, size, page_size;
    bool force = false;
};
Status create_pool(const Common& common, const CreatePool& request);

struct CreateKey {
    std::string principal;
    bool force = false;
};
Status create_key(const Common& common, const CreateKey& request);

struct RotateKey {
    std::string principal;
    std::string overlap = "1h";
};
Status rotate_key(const Common& common, const RotateKey& request);

struct RevokeKey {
    std::string principal;
    bool force = false;
};
Status revoke_key(const Common& common, const RevokeKey& request);

struct CreateRegion {
    std::string name;
    std::uint32_t keep = 0;
    std::string keep_age, max_size;
};
Status create_region(const Common& common, const CreateRegion& request);

struct DestroyRegion {
    std::string name;
    bool force = false;
};
Status destroy_region(const Common& common, const DestroyRegion& request);

struct Clear {
    std::string region;
    bool force = false;
};
Status clear(const Common& common, const Clear& request);

struct SetRetention {
    std::string region;
    std::uint32_t keep = 0;  ///< 0: as it is
    std::string keep_age;    ///< empty: as it is
};
Status set_retention(const Common& common, const SetRetention& request);

/// REGION@N: there is no default for what is kept for good.
Status pin(const Common& common, const std::string& target, bool pinned);

struct ChangeRights {
    std::string region;
    std::string grantee;              ///< a principal, or %GROUP
    std::vector<std::string> rights;  ///< none: all
};
Status grant(const Common& common, const ChangeRights& request);
Status revoke(const Common& common, const ChangeRights& request);
Status rights(const Common& common, const std::string& region);

struct SetOwner {
    std::string region, owner;
};
Status set_owner(const Common& common, const SetOwner& request);

struct List {
    std::string region;
    bool pools = false, sessions = false;
};
Status list(const Common& common, const List& request);

struct Save {
    std::string region, file;  ///< no file, or "-": standard input
    std::string size;          ///< at most so many bytes come; empty: a pipe is read to its end first
    bool create = false;
    std::uint32_t keep = 0;
    std::string keep_age, max_size;
    bool clone = false;
    std::vector<std::string> dirty;  ///< OFFSET:LENGTH
};
Status save(const Common& common, const Save& request);

struct Restore {
    std::string target;  ///< REGION[@N]
    std::string to;      ///< empty: standard output
    bool exact = false;  ///< the newest or none
};
/// kExitOlder when newer generations than the one that was restored did not verify.
Result<ExitStatus> restore(const Common& common, const Restore& request);

struct TakeOver {
    std::string region, cursor;
};
Status take_over(const Common& common, const TakeOver& request);

struct Watch {
    std::string region;
    std::optional<std::uint64_t> after;  ///< event number; none: from now on
    std::uint64_t count = 0;             ///< events to print; 0: without end
    std::string on_failure;
};
Status watch(const Common& common, const Watch& request);

struct Append {
    std::string region;
    bool lines = false;
};
Status append(const Common& common, const Append& request);

struct ReadLog {
    std::string target;  ///< REGION[@N]
    bool follow = false;
};
Status read_log(const Common& common, const ReadLog& request);

struct Cursors {
    std::string region, name;  ///< no name: all
};
Status cursors(const Common& common, const Cursors& request);

struct CursorAdvance {
    std::string region, name;
    std::uint64_t generation = 0, sequence = 0;
};
Status cursor_advance(const Common& common, const CursorAdvance& request);

struct CursorDrop {
    std::string region, name;
};
Status cursor_drop(const Common& common, const CursorDrop& request);

struct ReadAll {
    std::string region;
    bool all = false;
    std::string unread;  ///< a cursor's name
    std::string to;      ///< a folder
    std::string every;   ///< a duration: what is unread then, again and again; empty: once
};
Status read_all(const Common& common, const ReadAll& request);

Status status(const Common& common);
/// kExitFailure when something is wrong.
Result<ExitStatus> audit(const Common& common);

struct RemoteCat {
    std::string address;
    std::vector<std::string> paths;
};
Status remote_cat(const Common& common, const RemoteCat& request);

struct RemoteCopy {
    std::string address;
    std::vector<std::string> paths;  ///< two or more: the last one is the destination
};
Status remote_cp(const Common& common, const RemoteCopy& request);

Status remote_list(const Common& common, const std::string& address);

/// --key-dir, else the default.
std::string key_directory(const Common& common);

/// parse_size, with 0 for an empty text.
Result<std::uint64_t> size_or_zero(const std::string& text);

}  // namespace pmemckpt::ctl
