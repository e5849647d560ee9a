// How far named backups have read: durable at the manager.
#include "lib/client/calls.hh"

namespace pmemckpt::client {

namespace {

Status check_names(const std::string& region, const std::string& name) {
    TRY(check_region(region));
    return check_cursor(name);
}

}  // namespace

Result<wire::Cursor> Client::cursor(const std::string& region, const std::string& name) {
    TRY(check_names(region, name));
    wire::CursorGet request;
    request.region = region;
    request.name = name;
    auto answer = checked(*session_, session_->call<wire::Cursor>(request, session_->look_limit()));
    if (answer && answer->name != name)
        return tl::unexpected(session_->distrust(
            {EPROTO, fmt::format("cursor {} was asked for and {} was sent", name, answer->name)}));
    return answer;
}

Result<std::vector<wire::Cursor>> Client::cursors(const std::string& region) {
    TRY(check_region(region));
    std::vector<wire::Cursor> all;
    for (;;) {
        wire::CursorListRequest request;
        request.region = region;
        request.after = all.empty() ? "" : all.back().name;
        auto part = TRY(session_->call<wire::CursorList>(request, session_->look_limit())).cursors;
        if (part.empty())
            return all;
        TRY(append_part(*session_, all, std::move(part),
                        [](const wire::Cursor& cursor) { return cursor.name; }));
    }
}

Status Client::advance_cursor(const std::string& region, const wire::Cursor& cursor, const ReadFrom& from) {
    TRY(check_names(region, cursor.name));
    wire::CursorAdvance request;
    request.region = region;
    request.cursor = cursor;
    request.region_id = from.region_id;
    request.log_id = from.log_id;
    TRY(session_->call<wire::Empty>(request, session_->change_limit()));
    return {};
}

Status Client::drop_cursor(const std::string& region, const std::string& name) {
    TRY(check_names(region, name));
    wire::CursorDrop request;
    request.region = region;
    request.name = name;
    TRY(session_->call<wire::Empty>(request, session_->change_limit()));
    return {};
}

}  // namespace pmemckpt::client
