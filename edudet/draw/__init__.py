"""Figures: one style, safe for colour-blind eyes; boxes are always drawn the same way.

Every function draws into given axes, or makes a figure and returns it, or `Steps`: a figure for
every step, under a slider.
"""

try:
    import matplotlib  # noqa: F401  (here, before any file of this folder asks for a part of it)
except ImportError as error:
    raise ImportError("figures need matplotlib: pip install 'edudet[demo]'") from error

from edudet.draw.bits import draw_bits, step_walk
from edudet.draw.boxes import draw_boxes, look_at, show_image
from edudet.draw.findings import draw_counts, show_findings, side_by_side
from edudet.draw.grids import show_cells, show_matrix, show_scores
from edudet.draw.kernels import draw_lanes, draw_threads, step_barriers, step_lanes, warp_requests
from edudet.draw.lines import draw_lines
from edudet.draw.losses.multi_task import (
    draw_answers_on,
    draw_history,
    draw_tradeoff,
    step_alpha,
    step_answers,
)
from edudet.draw.metrics.match_detections import draw_matches, step_detections, step_matching
from edudet.draw.metrics.panoptic import draw_quality, show_segments, step_segments
from edudet.draw.metrics.precision_recall import (
    draw_answers,
    draw_average_precision,
    draw_curve,
    draw_levels,
    step_threshold,
)
from edudet.draw.metrics.rle import draw_runs
from edudet.draw.metrics.segmentation import (
    draw_dice_of_iou,
    show_confusion,
    show_labels,
    show_outcome,
    step_classes,
    step_masks,
)
from edudet.draw.models.alternating import step_schedule
from edudet.draw.models.cascade_rcnn import draw_refined
from edudet.draw.models.fast_rcnn import (
    draw_drawn,
    draw_gradients,
    draw_growth,
    draw_sample,
    show_coverage,
    step_samples,
    step_shared_map,
)
from edudet.draw.models.faster_rcnn import draw_training, draw_two_stages, draw_two_way
from edudet.draw.models.fpn import (
    draw_designs,
    draw_roi_levels,
    show_response,
    show_strides,
    step_levels,
    step_top_down,
)
from edudet.draw.models.keypoint_rcnn import (
    draw_by_joint,
    draw_circles,
    draw_pose,
    show_joint_maps,
    step_joints,
)
from edudet.draw.models.mask_rcnn import draw_outline, step_paste, step_rivals
from edudet.draw.models.rcnn import (
    draw_crops,
    draw_gain,
    draw_margin_counts,
    draw_margins,
    draw_warps,
    show_montage,
    step_mining,
    step_rcnn,
)
from edudet.draw.models.spp_net import step_pyramid_pool
from edudet.draw.ops.affine_grid import (
    draw_arrows,
    draw_mesh,
    draw_reading,
    in_pixels,
    show_holes,
    step_warps,
    write_map,
)
from edudet.draw.ops.box_iou import (
    compare_measures,
    draw_format,
    draw_pair,
    draw_pulls,
    step_climb,
    step_overlap,
)
from edudet.draw.ops.conv_transpose import step_matrix, step_reading, step_stamps, write_cells
from edudet.draw.ops.grid_sample import (
    draw_descent,
    draw_kernel,
    overlay,
    show_kernel,
    step_sampling,
)
from edudet.draw.ops.nms import step_nms
from edudet.draw.ops.ps_roi_pool import bin_of, read_parts, show_parts, step_ps_roi_pool, step_votes
from edudet.draw.ops.roi_align import (
    compare_rois,
    draw_roi_samples,
    show_gradients,
    slide_roi,
    step_roi_align,
)
from edudet.draw.ops.roi_pool import draw_roi_bins, step_roi_pool
from edudet.draw.ops.soft_argmax import (
    draw_bias,
    draw_slopes,
    draw_tracks,
    peak_of,
    show_heatmap,
    step_balance,
    step_beta,
)
from edudet.draw.ops.soft_nms import draw_decay, draw_rescored, step_soft_nms
from edudet.draw.ops.unpool import step_pooling, step_unpooling
from edudet.draw.progress import draw_changes
from edudet.draw.proposals.anchors import (
    draw_cells,
    draw_moves,
    draw_shapes,
    step_anchors,
    step_deltas,
)
from edudet.draw.proposals.felzenszwalb import draw_regions, step_felzenszwalb
from edudet.draw.proposals.selective_search import draw_hierarchy, draw_recall, step_merges
from edudet.draw.proposals.sliding_window import step_costs, step_pyramid, step_windows
from edudet.draw.proposals.template_matching import step_match, write_pixels
from edudet.draw.rulers import draw_rulers
from edudet.draw.source import kernel_source, source_of
from edudet.draw.speed import draw_times, race
from edudet.draw.steps import Steps
from edudet.draw.studies.ladder import (
    draw_falls,
    draw_ladder,
    draw_ladder_stages,
    draw_ladder_times,
    speedup,
    step_rungs,
)
from edudet.draw.style import COLOURS, new_figure
from edudet.draw.targets.mask_targets import step_mask_targets
from edudet.draw.targets.matching import (
    draw_labels,
    draw_masked,
    draw_overlaps,
    label_names,
    step_labels,
)
from edudet.draw.targets.roi_targets import step_roi_targets
from edudet.draw.targets.rpn_targets import step_rpn_targets

__all__ = [
    "COLOURS",
    "Steps",
    "bin_of",
    "compare_measures",
    "compare_rois",
    "draw_answers",
    "draw_answers_on",
    "draw_arrows",
    "draw_average_precision",
    "draw_bias",
    "draw_bits",
    "draw_boxes",
    "draw_by_joint",
    "draw_cells",
    "draw_changes",
    "draw_circles",
    "draw_counts",
    "draw_crops",
    "draw_curve",
    "draw_decay",
    "draw_descent",
    "draw_designs",
    "draw_dice_of_iou",
    "draw_drawn",
    "draw_falls",
    "draw_format",
    "draw_gain",
    "draw_gradients",
    "draw_growth",
    "draw_hierarchy",
    "draw_history",
    "draw_kernel",
    "draw_labels",
    "draw_ladder",
    "draw_ladder_stages",
    "draw_ladder_times",
    "draw_lanes",
    "draw_levels",
    "draw_lines",
    "draw_margin_counts",
    "draw_margins",
    "draw_masked",
    "draw_matches",
    "draw_mesh",
    "draw_moves",
    "draw_outline",
    "draw_overlaps",
    "draw_pair",
    "draw_pose",
    "draw_pulls",
    "draw_quality",
    "draw_reading",
    "draw_recall",
    "draw_refined",
    "draw_regions",
    "draw_rescored",
    "draw_roi_bins",
    "draw_roi_levels",
    "draw_roi_samples",
    "draw_rulers",
    "draw_runs",
    "draw_sample",
    "draw_shapes",
    "draw_slopes",
    "draw_threads",
    "draw_times",
    "draw_tracks",
    "draw_tradeoff",
    "draw_training",
    "draw_two_stages",
    "draw_two_way",
    "draw_warps",
    "in_pixels",
    "kernel_source",
    "label_names",
    "look_at",
    "new_figure",
    "overlay",
    "peak_of",
    "race",
    "read_parts",
    "show_cells",
    "show_confusion",
    "show_coverage",
    "show_findings",
    "show_gradients",
    "show_heatmap",
    "show_holes",
    "show_image",
    "show_joint_maps",
    "show_kernel",
    "show_labels",
    "show_matrix",
    "show_montage",
    "show_outcome",
    "show_parts",
    "show_response",
    "show_scores",
    "show_segments",
    "show_strides",
    "side_by_side",
    "slide_roi",
    "source_of",
    "speedup",
    "step_alpha",
    "step_anchors",
    "step_answers",
    "step_balance",
    "step_barriers",
    "step_beta",
    "step_classes",
    "step_climb",
    "step_costs",
    "step_deltas",
    "step_detections",
    "step_felzenszwalb",
    "step_joints",
    "step_labels",
    "step_lanes",
    "step_levels",
    "step_mask_targets",
    "step_masks",
    "step_match",
    "step_matching",
    "step_matrix",
    "step_merges",
    "step_mining",
    "step_nms",
    "step_overlap",
    "step_paste",
    "step_pooling",
    "step_ps_roi_pool",
    "step_pyramid",
    "step_pyramid_pool",
    "step_rcnn",
    "step_reading",
    "step_rivals",
    "step_roi_align",
    "step_roi_pool",
    "step_roi_targets",
    "step_rpn_targets",
    "step_rungs",
    "step_samples",
    "step_sampling",
    "step_schedule",
    "step_segments",
    "step_shared_map",
    "step_soft_nms",
    "step_stamps",
    "step_threshold",
    "step_top_down",
    "step_unpooling",
    "step_votes",
    "step_walk",
    "step_warps",
    "step_windows",
    "warp_requests",
    "write_cells",
    "write_map",
    "write_pixels",
]
