#include "utils/pmemckpt-filed/open_files.hh"

#include <sys/resource.h>

#include <algorithm>
#include <cerrno>

namespace pmemckpt::filed {

namespace {

bool is_under(const std::string& path, const std::string& folder) {
    return path == folder || (path.starts_with(folder) && path[folder.size()] == '/');
}

}  // namespace

OpenFiles::OpenFiles() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0)
        most_ = std::min<std::size_t>(
            most_, limit.rlim_cur - std::min<std::size_t>(limit.rlim_cur / 2, kOtherDescriptors));
}

Status OpenFiles::check_room() const {
    return count_ < most_ ? Status() : fail(EMFILE, "{} files are open, the limit: close some", count_);
}

Result<std::uint32_t> OpenFiles::add(std::uint64_t session, std::shared_ptr<OpenFile> file) {
    TRY(check_room());
    std::uint32_t handle = 0;
    for (const auto& [taken, ignored] : sessions_[session]) {
        if (taken != handle)
            break;
        ++handle;
    }
    put(session, handle, std::move(file));
    return handle;
}

void OpenFiles::put(std::uint64_t session, std::uint32_t handle, std::shared_ptr<OpenFile> file) {
    count_ += sessions_[session].emplace(handle, std::move(file)).second ? 1 : 0;
}

Result<std::shared_ptr<OpenFile>> OpenFiles::find(std::uint64_t session, std::uint32_t handle) const {
    if (const auto files = sessions_.find(session); files != sessions_.end())
        if (const auto found = files->second.find(handle); found != files->second.end())
            return found->second;
    return fail(EBADF, "the session has no open file {}", handle);
}

Status OpenFiles::close(std::uint64_t session, std::uint32_t handle) {
    TRY(find(session, handle));
    auto& files = sessions_[session];
    files.erase(handle);
    --count_;
    if (files.empty())
        sessions_.erase(session);
    return {};
}

void OpenFiles::close_all_of(std::uint64_t session) {
    if (const auto files = sessions_.find(session); files != sessions_.end()) {
        count_ -= files->second.size();
        sessions_.erase(files);
    }
}

bool OpenFiles::has(const FileIdentity& identity) const {
    return std::ranges::any_of(sessions_, [&](const auto& session) {
        return std::ranges::any_of(session.second,
                                   [&](const auto& file) { return file.second->identity == identity; });
    });
}

OpenFiles::NewPaths OpenFiles::paths_after(const std::string& from, const std::string& to) const {
    NewPaths paths;
    for (const auto& [session, files] : sessions_)
        for (const auto& [handle, file] : files)
            if (is_under(file->path, from))
                paths.paths_.emplace_back(file.get(), to + file->path.substr(from.size()));
    return paths;
}

std::size_t OpenFiles::NewPaths::longest() const {
    std::size_t longest = 0;
    for (const auto& [file, path] : paths_)
        longest = std::max(longest, path.size());
    return longest;
}

void OpenFiles::NewPaths::take_effect() noexcept {
    for (auto& [file, path] : paths_)
        file->path.swap(path);
}

}  // namespace pmemckpt::filed
