#pragma once

/// Module training: the whole objective over several heads, the training loop, checkpoints with exact resume, evaluation of head
/// combinations. The loop is the only place that knows all modules; it prints nothing and tells observers what happens.
#include <diva/training/checkpoint.hpp>
#include <diva/training/evaluation.hpp>
#include <diva/training/events.hpp>
#include <diva/training/network.hpp>
#include <diva/training/objective.hpp>
#include <diva/training/optimizer.hpp>
#include <diva/training/precision.hpp>
#include <diva/training/progress.hpp>
#include <diva/training/protocol.hpp>
#include <diva/training/run_log.hpp>
#include <diva/training/schedule.hpp>
#include <diva/training/stop_signal.hpp>
#include <diva/training/trainer.hpp>
