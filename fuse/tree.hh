#pragma once
// The view's names, made of what the source has now:
//
//     /team/app                      the newest sealed generation of region team/app
//     /.generations/team/app/N       its generation N
//     /.log/team/app                 the records behind the newest generation
//     /.unread/NAME/team/app         what the backup NAME has not read yet
//     /.status                       JSON
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fuse/entry.hh"
#include "fuse/names.hh"
#include "fuse/races.hh"
#include "fuse/source.hh"
#include "fuse/unread.hh"

namespace pmemckpt::view {

inline constexpr std::size_t kMaximumNameBytes = 255;
/// A folder's name is answered from a listing no older than this; a file's name is always asked anew.
inline constexpr std::chrono::milliseconds kListingLife{1000};

/// A line of a folder.
struct Listed {
    std::string name;
    std::uint64_t inode = 0;
    bool is_folder = false;
    std::optional<Entry> entry;  ///< when it is known without asking once more
};

class Tree {
public:
    explicit Tree(Source& source) : source_(source) {}

    /// ENOENT, ENAMETOOLONG; the source's errors.
    Result<Entry> look_up(const Entry& folder, std::string_view name);
    /// The log of this entry's generation as it is now; nothing when another generation is the newest, the
    /// log is not `log_id` (0: any), or the region is gone.
    Result<std::optional<wire::LogState>> present_log(const Entry& entry, std::uint64_t log_id);
    /// Without "." and "..". ENOENT when there is no such folder any more. /.unread names no backup: who
    /// copies or searches the whole mount moves no cursor.
    Result<std::vector<Listed>> list(const Entry& folder);
    /// Opens a generation. ESTALE when it is gone, or another has its name now.
    Result<std::shared_ptr<Content>> open(const Entry& generation);

private:
    using Clock = std::chrono::steady_clock;
    Result<std::shared_ptr<const Names>> fresh_names();
    Result<std::shared_ptr<const Names>> recent_names();
    Result<Entry> look_up_newest(std::string path);
    Result<Entry> look_up_changing(const Entry& folder, std::string path);
    Result<Entry> look_up_generation(const Entry& folder, std::string_view name, std::string path);
    Result<wire::Generation> newest(const std::string& region);
    Result<NameIs> what(const std::string& path);
    Result<std::vector<Listed>> list_generations(const std::string& region);

    Source& source_;
    Races races_;
    std::mutex mutex_;  // guards the two below; not held while the source is asked
    std::shared_ptr<const Names> names_;
    Clock::time_point listed_at_;
};

}  // namespace pmemckpt::view
