#include "utils/pmemckpt-filed/file_service.hh"

#include <algorithm>
#include <cerrno>

namespace pmemckpt::filed {

using sync::FileType;

FileService::~FileService() {
    if (!member_)
        return;
    if (const auto working = files_.work(*member_); working && session_ >= kFirstOfNoJob)
        files_.close_all_of(session_);  // of a job: who joins again finds its files
    files_.leave(*member_);
}

bool FileService::knows(std::uint16_t type) const {
    return type >= static_cast<std::uint16_t>(FileType::join) &&
           type <= static_cast<std::uint16_t>(FileType::flush);
}

/// While he has it, the files are not rolled back; who takes the job over waits for that before he works.
Result<std::shared_lock<std::shared_mutex>> FileService::work() {
    if (!member_)
        return fail(EPROTO, "no session was joined on this connection");
    auto working = TRY(files_.work(*member_));
    TRY(name_.empty() ? job_.check_is_restored() : job_.check_instance(name_, instance_));
    return working;
}

/// What `action` gives for the decoded request.
template <class Request, class Do>
Status FileService::answer(const sync::Received& request, sync::Stream& stream, Do&& action) {
    const auto asked = TRY(wire::decode_body<Request>(request.body()));
    auto result = [&]() -> decltype(action(asked)) {
        const auto working = TRY(work());
        return action(asked);
    }();
    return sync::reply(stream, request, result);
}

Result<sync::FileJoined> FileService::join(const sync::FileJoin& asked) {
    if (asked.session >= kFirstOfNoJob)
        return fail(EINVAL, "a session's number is below {}", kFirstOfNoJob);
    const auto session = asked.job.empty() ? session_ : asked.session;
    if (member_ && (asked.job != name_ || session != session_))
        return fail(EALREADY, "another session was joined on this connection already");
    member_ = TRY(files_.join(session, member_, [&] {
        return asked.job.empty() ? Status() : job_.check_instance(asked.job, asked.instance);
    }));
    session_ = session;
    name_ = asked.job;
    instance_ = asked.instance;
    return sync::FileJoined{static_cast<std::uint32_t>(files_.count_of(session_))};
}

Status FileService::take_join(const sync::Received& request, sync::Stream& stream) {
    const auto asked = TRY(wire::decode_body<sync::FileJoin>(request.body()));
    return sync::reply(stream, request, join(asked));
}

Status FileService::take_read(const sync::Received& request, sync::Stream& stream) {
    const auto asked = TRY(wire::decode_body<sync::FileRead>(request.body()));
    std::vector<std::byte> bytes;
    auto moved = [&]() -> Result<sync::FileMoved> {
        const auto working = TRY(work());
        bytes.resize(std::min(asked.bytes, sync::kMostFileBytes));
        const auto got = TRY(files_.read(session_, asked.handle, bytes));
        return sync::FileMoved{static_cast<std::uint32_t>(got.bytes), got.position};
    }();
    TRY(sync::reply(stream, request, moved));
    return moved ? stream.send(std::span(bytes).first(moved->bytes)) : Status();
}

Status FileService::take_write(const sync::Received& request, sync::Stream& stream) {
    const auto asked = TRY(wire::decode_body<sync::FileWrite>(request.body()));
    if (asked.bytes > sync::kMostFileBytes)
        return fail(EMSGSIZE, "{} sent {} bytes to write: {} at most", stream.peer(), asked.bytes,
                    sync::kMostFileBytes);
    std::vector<std::byte> bytes(asked.bytes);
    TRY(stream.receive(bytes));
    auto moved = [&]() -> Result<sync::FileMoved> {
        const auto working = TRY(work());
        const auto put = TRY(files_.write(session_, asked.handle, bytes));
        return sync::FileMoved{static_cast<std::uint32_t>(put.bytes), put.position};
    }();
    return sync::reply(stream, request, moved);
}

Status FileService::take(const sync::Received& request, sync::Stream& stream) {
    switch (static_cast<FileType>(request.header.type)) {
        case FileType::join: return take_join(request, stream);
        case FileType::read: return take_read(request, stream);
        case FileType::write: return take_write(request, stream);
        default: return take_rest(request, stream);
    }
}

Status FileService::take_rest(const sync::Received& request, sync::Stream& stream) {
    switch (static_cast<FileType>(request.header.type)) {
        case FileType::leave:
            return answer<sync::FileLeave>(request, stream, [&](const auto&) -> Status {
                files_.close_all_of(session_);
                return {};
            });
        case FileType::open:
            return answer<sync::FileOpen>(
                request, stream, [&](const auto& asked) -> Result<sync::FileOpened> {
                    const auto handle = TRY(files_.open(session_, asked.path, asked.flags, asked.mode));
                    return sync::FileOpened{handle, TRY(files_.size_of(session_, handle))};
                });
        case FileType::close:
            return answer<sync::FileClose>(
                request, stream, [&](const auto& asked) { return files_.close(session_, asked.handle); });
        case FileType::seek:
            return answer<sync::FileSeek>(request, stream, [&](const auto& asked) -> Result<sync::FileMoved> {
                const auto at = TRY(files_.seek(session_, asked.handle, asked.offset, asked.whence));
                return sync::FileMoved{0, at.position};
            });
        case FileType::truncate:
            return answer<sync::FileTruncate>(request, stream, [&](const auto& asked) {
                return files_.truncate(session_, asked.handle, asked.size);
            });
        case FileType::rename:
            return answer<sync::FileRename>(
                request, stream, [&](const auto& asked) { return files_.rename(asked.from, asked.to); });
        case FileType::remove:
            return answer<sync::FileRemove>(request, stream,
                                            [&](const auto& asked) { return files_.remove(asked.path); });
        case FileType::stat:
            return answer<sync::FileStat>(request, stream,
                                          [&](const auto& asked) -> Result<sync::FileStatus> {
                                              const auto seen = TRY(files_.look_at(asked.path));
                                              return sync::FileStatus{seen.size, seen.mode, seen.modified_ns};
                                          });
        default:
            return answer<sync::FileFlush>(
                request, stream, [&](const auto& asked) { return files_.flush(session_, asked.handle); });
    }
}

}  // namespace pmemckpt::filed
