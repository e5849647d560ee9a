#pragma once
// What the supervisor tells a process it starts: NAME=VALUE words.
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace soak {

class Settings {
public:
    Settings() = default;
    Settings(int count, char** words);

    Settings& set(const std::string& name, const std::string& value);
    Settings& set(const std::string& name, std::uint64_t value) { return set(name, std::to_string(value)); }
    bool has(const std::string& name) const { return values_.count(name) != 0; }
    /// Throw std::invalid_argument when there is none.
    const std::string& text(const std::string& name) const;
    std::uint64_t number(const std::string& name) const;
    std::vector<std::string> words() const;

private:
    std::map<std::string, std::string> values_;
};

}  // namespace soak
