#include <diva/report/html.hpp>
#include <diva/report/retrieval_sheet.hpp>

#include <fmt/format.h>

namespace diva::inline v0_1 {
namespace {

std::string picture(const RetrievalItem& item, const char* look, const std::string& mark, const std::string& caption) {
  const auto label = html_escape(item.label);
  return fmt::format(R"(<figure class="{}"><img src="{}" alt="{}" title="{}"><figcaption>{}{}</figcaption></figure>)", look,
                     data_uri(item.image), label, label, mark, caption);
}

}  // namespace

std::string render_retrieval_sheet(const std::vector<RetrievalRow>& rows) {
  if (rows.empty()) return "<p>No queries to show.</p>";
  std::string html = "<div class=\"sheet\">";
  for (const auto& row : rows) {
    html += "<div class=\"row\">" + picture(row.query, "query", "", html_escape(row.query.label));
    for (const auto& item : row.neighbours) {
      html += picture(item, item.hit ? "hit" : "miss", item.hit ? "✓ " : "✗ ", fmt::format("{:.3f}", item.distance));
    }
    html += "</div>";
  }
  return html + "</div>";
}

}  // namespace diva::inline v0_1
