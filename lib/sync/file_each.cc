// A new file for each sync point, and the table in one of its own.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "lib/sync/file_io.hh"
#include "lib/sync/table_file.hh"

namespace pmemckpt::sync {

namespace {

constexpr std::string_view kStateSuffix = ".state";

std::string file_name(const SyncPointId& id) {
    return to_name(id) + std::string(kStateSuffix);
}

/// Whether it is one that this makes.
bool is_file_name(std::string_view name) {
    return name.ends_with(kStateSuffix) && parse_name(name.substr(0, name.size() - kStateSuffix.size()));
}

std::vector<std::string> state_files_in(const std::string& directory) {
    std::vector<std::string> names;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(directory, ignored))
        if (auto name = entry.path().filename().string(); is_file_name(name))
            names.push_back(std::move(name));
    return names;
}

class NewFile final : public CheckpointFile::Draft {
public:
    static Result<std::unique_ptr<Draft>> make(std::string path) {
        FileDescriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
        if (!file)
            return fail(as_files(errno), "can't make {}: {}", path, ::strerror(errno));
        return std::unique_ptr<Draft>(new NewFile(std::move(file), std::move(path)));
    }
    ~NewFile() override {
        if (!finished_)
            ::unlink(path_.c_str());
    }
    Status write(std::span<const std::byte> bytes) override {
        TRY(write_at(file_.get(), bytes_, bytes, path_));
        bytes_ += bytes.size();
        return {};
    }
    Result<std::vector<Segment>> finish() override {
        TRY(bring_to_disk(file_.get(), path_));
        TRY(bring_directory_to_disk(path_));
        finished_ = true;
        return std::vector<Segment>{{0, bytes_}};
    }

private:
    NewFile(FileDescriptor file, std::string path) : file_(std::move(file)), path_(std::move(path)) {}

    FileDescriptor file_;
    const std::string path_;
    std::uint64_t bytes_ = 0;
    bool finished_ = false;
};

class FileEach final : public CheckpointFile {
public:
    FileEach(TableFile table, std::string directory)
        : table_(std::move(table)), directory_(std::move(directory)) {
        remove_leftovers();
    }

    const Snapshot& snapshot() const override { return table_.snapshot(); }
    std::string name() const override { return directory_; }
    Result<std::unique_ptr<Draft>> begin(const SyncPointId& id) override {
        remove_leftovers();
        return NewFile::make(path_of(id));
    }
    Status commit(Snapshot next) override {
        const auto before = snapshot().places;
        TRY(table_.commit(std::move(next)));
        for (const auto& place : before)
            if (!needs(place.id))
                ::unlink(path_of(place.id).c_str());  // if it fails, till the next start
        return {};
    }
    Status read(const Place& place, Offset from, std::span<std::byte> into) const override {
        const auto path = path_of(place.id);
        const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        if (!file)
            return fail(errno == ENOENT ? EBADMSG : as_files(errno), "can't open {}: {}", path,
                        ::strerror(errno));
        return read_at(file.get(), from.bytes, into, path);
    }

private:
    std::string path_of(const SyncPointId& id) const { return directory_ + "/" + file_name(id); }
    bool needs(const SyncPointId& id) const {
        return std::ranges::find(snapshot().places, id, &Place::id) != snapshot().places.end();
    }
    void remove_leftovers() const;

    TableFile table_;
    const std::string directory_;
};

/// Of a draft that was cut or came too late, of a place that was dropped. It may fail: nothing is lost but
/// room.
void FileEach::remove_leftovers() const {
    for (const auto& name : state_files_in(directory_)) {
        const auto is_it = [&](const Place& place) { return file_name(place.id) == name; };
        if (std::ranges::none_of(snapshot().places, is_it))
            ::unlink((directory_ + "/" + name).c_str());
    }
}

Status make_directory(const std::string& directory) {
    if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
        return fail(as_files(errno), "can't make directory {}: {}", directory, ::strerror(errno));
    return bring_directory_to_disk(directory);
}

}  // namespace

Result<std::unique_ptr<CheckpointFile>> open_file_each(const std::string& path) {
    const auto directory = path.substr(0, path.find_last_not_of('/') + 1);
    TRY(make_directory(directory));
    const auto states = state_files_in(directory);
    struct stat status;
    const bool has_table = ::stat((directory + "/table").c_str(), &status) == 0 && status.st_size > 0;
    if (!has_table && !states.empty())
        return fail(
            EBADMSG,
            "{} has {} states, and no table that says whose: bring {}/table back, or take another directory",
            directory, states.size(), directory);
    const auto beginning = states.empty() ? TableFile::Beginning::allowed : TableFile::Beginning::refused;
    auto table = TRY(TableFile::open(directory + "/table", beginning));
    return std::make_unique<FileEach>(std::move(table), directory);
}

}  // namespace pmemckpt::sync
