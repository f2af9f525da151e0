#pragma once

/// Module report: what a run learned, for a person to look at: charts, a sheet of retrieved images, a map of embeddings, one HTML
/// file.
#include <diva/report/chart.hpp>
#include <diva/report/heat_map.hpp>
#include <diva/report/html.hpp>
#include <diva/report/projection.hpp>
#include <diva/report/report.hpp>
#include <diva/report/retrieval_sheet.hpp>
#include <diva/report/runs.hpp>
#include <diva/report/table.hpp>
