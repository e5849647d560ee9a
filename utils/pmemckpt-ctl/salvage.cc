// pmemckpt-ctl salvage: what of a pool still verifies becomes files, with no manager. The pool stays as it
// is.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>

#include "lib/base/crc32c.hh"
#include "lib/base/log.hh"
#include "lib/media/inspect.hh"
#include "lib/pool/contents.hh"
#include "lib/pool/rescue.hh"
#include "utils/pmemckpt-ctl/offline.hh"
#include "utils/pmemckpt-ctl/offline_json.hh"
#include "utils/pmemckpt-ctl/offline_key.hh"
#include "utils/pmemckpt-ctl/output.hh"
#include "utils/pmemckpt-ctl/progress.hh"
#include "utils/pmemckpt-ctl/text.hh"

namespace pmemckpt::ctl {

namespace {

constexpr std::size_t kAllRegions = SIZE_MAX;
constexpr std::size_t kCompareBytes = kMiB;

/// Each part of a region's name, below `to`.
Status make_folders(const std::string& to, const std::string& region) {
    TRY(make_folder(to));
    for (std::size_t slash = 0; slash != std::string::npos;) {
        slash = region.find('/', slash + 1);
        TRY(make_folder(to + "/" + region.substr(0, slash)));
    }
    return {};
}

/// A file that is there already, read along with what would be written.
class Existing {
public:
    /// Nothing when nothing is there. EEXIST when it is no file.
    static Result<Existing> open(const std::string& path) {
        Existing existing(path);
        struct stat there {};
        if (::lstat(path.c_str(), &there) != 0)
            return errno == ENOENT ? Result<Existing>(std::move(existing))
                                   : fail_errno(errno, "can't look at {}", path);
        if (!S_ISREG(there.st_mode))
            return fail(EEXIST, "{} is there, and is no file", path);
        existing.file_.reset(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
        if (!existing.file_)
            return fail_errno(errno, "can't read {}, which is there", path);
        existing.left_ = static_cast<std::uint64_t>(there.st_size);
        return existing;
    }

    bool is_there() const { return file_.get() >= 0; }

    /// EEXIST when the file does not go on with these bytes.
    Status compare(std::span<const std::byte> bytes) {
        buffer_.resize(kCompareBytes);
        while (!bytes.empty()) {
            const auto got = ::read(file_.get(), buffer_.data(), std::min(bytes.size(), buffer_.size()));
            if (got < 0 && errno == EINTR)
                continue;
            if (got < 0)
                return fail_errno(errno, "can't read {}, which is there", path_);
            const auto size = static_cast<std::size_t>(got);
            if (size == 0 || std::memcmp(buffer_.data(), bytes.data(), size) != 0)
                return differs();
            bytes = bytes.subspan(size);
            left_ -= std::min<std::uint64_t>(size, left_);
        }
        return {};
    }

    Status end() const { return left_ == 0 ? Status() : differs(); }

private:
    explicit Existing(std::string path) : path_(std::move(path)) {}
    tl::unexpected<Error> differs() const {
        return fail(EEXIST, "{} is there with other bytes, and stays as it is", path_);
    }

    std::string path_;
    FileDescriptor file_;
    std::uint64_t left_ = 0;
    std::vector<std::byte> buffer_;
};

/// Of one thing alone: the others may be written all the same.
bool is_its_own_fault(const Error& error) {
    return error.code == EBADMSG || error.code == EEXIST || error.code == ENOTDIR || error.code == EINVAL;
}

class Salvager {
public:
    Salvager(const media::Medium& medium, const pool::Recovered& pool, const std::string& to)
        : medium_(medium.bytes()), pool_(pool), to_(to), progress_("salvaging", bytes_of(pool)) {}

    Status run() {
        TRY(make_folder(to_));
        for (const auto& info : pool_.catalog.list("", kAllRegions)) {
            const auto& region = *pool_.catalog.find(info.name);
            for (const auto& [number, kept] : region.generations)
                TRY(note({info.name, number, false, {}}, save_generation(region, number, kept)));
            if (region.log)
                TRY(note({info.name, info.newest, true, {}}, save_log(region)));
        }
        return {};
    }
    Salvaged& done() { return done_; }

private:
    /// Hands out the bytes of a file, from the first to the last, and says whether they are what was stored.
    using Source = std::function<Status(const pool::PieceTaker&)>;

    static std::uint64_t bytes_of(const pool::Recovered& pool) {
        std::uint64_t bytes = 0;
        for (const auto& info : pool.catalog.list("", kAllRegions))
            bytes += info.bytes;
        return bytes;
    }

    Status note(LeftOut left_out, const Status& saved) {
        if (saved || !is_its_own_fault(saved.error()))
            return saved;
        left_out.why = saved.error().message;
        done_.left_out.push_back(std::move(left_out));
        return {};
    }

    Status save_generation(const pool::Region& region, std::uint64_t number,
                           const pool::KeptGeneration& kept) {
        SalvagedFile file{region.info.name, number, {}, kept.length, kept.crc32c, {}};
        return save(std::move(file), std::to_string(number), [&](const pool::PieceTaker& taker) -> Status {
            std::uint32_t crc = 0;
            TRY(pool::for_each_piece(medium_, *pool_.pages, kept,
                                     [&](std::span<const std::byte> piece) -> Status {
                                         crc = crc32c(piece, crc);
                                         progress_.advance(piece.size());
                                         return taker(piece);
                                     }));
            return pool::check_checksum(kept, crc);
        });
    }

    /// The good records; what lies behind them is named when it was more than nothing.
    Status save_log(const pool::Region& region) {
        const auto contents = TRY(pool::look_at_log(medium_, *pool_.pages, region));
        const auto& end = contents.end;
        if (end.last.sequence > 0) {
            SalvagedFile file{region.info.name, region.info.newest, {}, end.payload_bytes, {},
                              end.last.sequence};
            TRY(save(std::move(file), fmt::format("{}.log", region.info.newest),
                     [&](const pool::PieceTaker& taker) {
                         return pool::for_each_payload(medium_, *pool_.pages, *region.log, end, taker);
                     }));
        }
        if (contents.later_sequence)
            return fail(EBADMSG,
                        "record {} does not verify, and record {} does: those from {} on are left out",
                        end.last.sequence + 1, *contents.later_sequence, end.last.sequence + 1);
        return {};
    }

    /// Under its name when all of it is verified and on disk, or when it was there.
    Status save(SalvagedFile file, const std::string& name, const Source& source) {
        TRY(pool::check_region_name(file.region));
        TRY(make_folders(to_, file.region));
        file.file = fmt::format("{}/{}/{}", to_, file.region, name);
        auto existing = TRY(Existing::open(file.file));
        file.was_there = existing.is_there();
        if (file.was_there) {
            TRY(source([&](std::span<const std::byte> piece) { return existing.compare(piece); }));
            TRY(existing.end());
        } else {
            auto output = TRY(Output::open(file.file, file.bytes));
            TRY(source([&](std::span<const std::byte> piece) { return output.write(piece); }));
            TRY(output.commit());
        }
        done_.files.push_back(std::move(file));
        return {};
    }

    const std::span<const std::byte> medium_;
    const pool::Recovered& pool_;
    const std::string& to_;
    Progress progress_;
    Salvaged done_;
};

std::string name_of(const std::string& region, std::uint64_t generation, bool is_log) {
    return is_log ? fmt::format("{} log behind {}", region, generation)
                  : fmt::format("{}@{}", region, generation);
}

std::string text_of(const Salvaged& salvaged) {
    std::string text;
    for (const auto& file : salvaged.files)
        text += fmt::format(
            "{} {} bytes {} verified, {} {}\n",
            name_of(file.region, file.generation, file.records.has_value()), file.bytes,
            file.records ? "in " + plural(*file.records, "record") : "crc32c=" + crc32c_text(*file.crc32c),
            file.was_there ? "was there as" : "in", file.file);
    for (const auto& [region, generation, is_log, why] : salvaged.left_out)
        text += fmt::format("{} left out: {}\n", name_of(region, generation, is_log), why);
    return text;
}

Result<Salvaged> salvage_from(const media::Medium& medium, const Common& common, const Salvage& request) {
    const auto key = key_to_look_with(medium, common);
    const auto rescued = TRY(pool::rescue(medium, key.get()));
    if (!key.get())
        log::warning("{}: MACs were not verified: {}", request.path, key.why_not);
    if (rescued.refused)
        log::warning("{}; salvaging {}", rescued.refused->message, rescued.state);
    Salvager salvager(medium, rescued.recovered, request.to);
    if (const auto saved = salvager.run(); !saved)
        return fail(saved.error().code, "{} ({} of the pool are in {})", saved.error().message,
                    plural(salvager.done().files.size(), "file"), request.to);
    auto done = std::move(salvager.done());
    done.macs_verified = key.get() != nullptr;
    if (rescued.refused)
        done.older_state = rescued.state;
    return done;
}

}  // namespace

Status salvage(const Common& common, const Salvage& request) {
    const auto medium = TRY(media::inspect_medium(request.path));
    const auto salvaged = TRY(salvage_from(*medium, common, request));
    TRY(print(common.json ? salvaged_json(request.path, request.to, salvaged) : text_of(salvaged)));
    if (!salvaged.left_out.empty())
        return fail(EBADMSG, "{} brought to {}, {} left out", plural(salvaged.files.size(), "file"),
                    request.to, salvaged.left_out.size());
    if (salvaged.older_state)
        return fail(EBADMSG, "{} brought to {}, of an older state of the pool: its newest can't be had",
                    plural(salvaged.files.size(), "file"), request.to);
    return {};
}

}  // namespace pmemckpt::ctl
