// Requests about cursors: how far each named backup has read.
#include <algorithm>

#include "driver/convert.hh"
#include "driver/list_answer.hh"
#include "driver/requests.hh"

namespace pmemckpt::driver {

Requests::Answer<wire::Cursor> Requests::cursor_get(const wire::CursorGet& request) {
    const auto region = TRY(allowed(request.region, Right::read));
    if (const auto cursor = TRY(pool().cursor(region, request.name)))
        return to_wire(*cursor);
    return wire::Cursor{request.name, 0, 0};
}

Requests::Answer<wire::Empty> Requests::cursor_advance(const wire::CursorAdvance& request) {
    const auto region = TRY(allowed(request.region, Right::read));
    const auto& [name, generation, sequence] = request.cursor;
    TRY(pool().advance_cursor(region, {name, generation, sequence}, {request.region_id, request.log_id}));
    return wire::Empty{};
}

Requests::Answer<wire::Empty> Requests::cursor_drop(const wire::CursorDrop& request) {
    const auto region = TRY(allowed(request.region, Right::read));
    TRY(pool().drop_cursor(region, request.name));
    return wire::Empty{};
}

Requests::Answer<wire::CursorList> Requests::cursor_list(const wire::CursorListRequest& request) {
    const auto region = TRY(allowed(request.region, Right::read));
    auto cursors = TRY(pool().cursors(region));
    std::sort(cursors.begin(), cursors.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    wire::CursorList list;
    ListAnswer room;
    for (const auto& cursor : cursors)
        if (cursor.name > request.after && !room.add(list.cursors, to_wire(cursor)))
            break;
    return list;
}

}  // namespace pmemckpt::driver
