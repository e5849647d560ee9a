#pragma once
// Texts for people: times, tables, standard output.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.hh"

namespace pmemckpt::ctl {

/// "2026-11-21 09:54:03", in this process's time zone.
std::string local_time(std::int64_t nanoseconds);
/// "2026-11-21T09:54:03.123456789Z".
std::string iso_time(std::int64_t nanoseconds);
/// The name of a wire value of media::Durability; "unknown" when a newer manager sends one not known here.
std::string durability_name(std::uint8_t durability);
/// "read,append", as pmemckpt-ctl grant takes them apart; "none".
std::string rights_name(std::uint8_t rights);
/// Eight hexadecimal digits, as crc32c is written everywhere.
std::string crc32c_text(std::uint32_t crc32c);

/// "1 region", "2 regions".
std::string plural(std::uint64_t count, std::string_view what);

/// Rows under a heading, columns aligned; a column with numbers stands to the right.
class Table {
public:
    enum class Align { left, right };
    struct Column {
        std::string title;
        Align align = Align::left;
    };
    explicit Table(std::vector<Column> columns);
    void add(std::vector<std::string> row);
    std::string text() const;

private:
    std::string line(const std::vector<std::string>& cells, const std::vector<std::size_t>& widths) const;
    std::vector<Column> columns_;
    std::vector<std::vector<std::string>> rows_;
};

/// All of it to standard output; says when that is full or closed.
Status print(std::string_view text);
/// The error of a write(2) to `name` that failed with `code`.
[[nodiscard]] Error write_error(int code, std::string_view name);

}  // namespace pmemckpt::ctl
