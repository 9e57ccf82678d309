// In the place of line_editor.cpp where there is no libedit: lines come as the terminal has them.
#include <utility>

#include "line_editor.hpp"

namespace twister::tool {

bool LineEditor::available() noexcept {
  return false;
}

LineEditor::LineEditor(std::function<void(std::string)> on_line, std::function<void()> on_end)
    : on_line_(std::move(on_line)), on_end_(std::move(on_end)) {}

LineEditor::~LineEditor() = default;

void LineEditor::read() {}

void LineEditor::hide() {}

void LineEditor::show() {}

}  // namespace twister::tool
