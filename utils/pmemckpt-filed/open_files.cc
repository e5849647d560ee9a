#include "utils/pmemckpt-filed/open_files.hh"

#include <algorithm>
#include <cerrno>

namespace pmemckpt::filed {

namespace {

bool is_under(const std::string& path, const std::string& folder) {
    return path == folder || (path.starts_with(folder) && path[folder.size()] == '/');
}

}  // namespace

Status OpenFiles::check_room() const {
    return count_ < kMostOpenFiles ? Status()
                                   : fail(EMFILE, "{} files are open, the limit: close some", count_);
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

bool OpenFiles::has(const std::string& path) const {
    return std::ranges::any_of(sessions_, [&](const auto& session) {
        return std::ranges::any_of(session.second,
                                   [&](const auto& file) { return is_under(file.second->path, path); });
    });
}

std::size_t OpenFiles::longest_after(const std::string& from, const std::string& to) const {
    std::size_t longest = 0;
    for (const auto& [session, files] : sessions_)
        for (const auto& [handle, file] : files)
            if (is_under(file->path, from))
                longest = std::max(longest, file->path.size() - from.size() + to.size());
    return longest;
}

void OpenFiles::rename(const std::string& from, const std::string& to) {
    for (auto& [session, files] : sessions_)
        for (auto& [handle, file] : files)
            if (is_under(file->path, from))
                file->path = to + file->path.substr(from.size());
}

}  // namespace pmemckpt::filed
