//! A plot of the teams in sync over time, beside the pace that the nearest limit allows.

use plotters::coord::Shift;
use plotters::prelude::*;

use super::{FirstSync, Scale, Size, of_tenants};
use crate::BenchError;
use crate::error::unexpected;

/// Width and height in pixels.
const SIZE: (u32, u32) = (960, 400);

/// Readable on white and on black, since the plot has no background.
const INK: RGBColor = RGBColor(128, 128, 128);
const IN_SYNC: RGBColor = RGBColor(45, 127, 249);
const ALLOWED: RGBColor = RGBColor(230, 126, 34);

/// Draws both first syncs side by side, as SVG.
///
/// # Errors
/// None in practice: the plot is drawn into memory.
pub fn plot(scale: &Scale) -> Result<String, BenchError> {
    let mut drawn = String::new();
    {
        let area = SVGBackend::with_string(&mut drawn, SIZE).into_drawing_area();
        for (area, sync) in area.split_evenly((1, 2)).iter().zip([&scale.one, &scale.many]) {
            draw(area, sync).map_err(unexpected)?;
        }
        area.present().map_err(unexpected)?;
    }
    Ok(drawn)
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type DrawError<'a> = DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>;

fn minutes(seconds: i64) -> f64 {
    seconds as f64 / 60.0
}

fn draw<'a>(area: &Area<'a>, sync: &FirstSync) -> Result<(), DrawError<'a>> {
    let FirstSync { size: Size { tenants, teams, .. }, usage, progress } = sync;
    let (limit, share) = usage.nearest();
    let all = (tenants * teams) as f64;
    let text = |size: u32| ("sans-serif", size).into_font().color(&INK);
    let mut chart = ChartBuilder::on(area)
        .caption(format!("{teams} teams in {}", of_tenants(*tenants)), text(18))
        .margin(14)
        .x_label_area_size(40)
        .y_label_area_size(56)
        .build_cartesian_2d(0.0..minutes(usage.seconds), 0.0..all)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(INK.mix(0.25))
        .axis_style(INK)
        .label_style(text(13))
        .x_desc("minutes")
        .y_desc("teams in sync")
        .x_label_formatter(&|minutes| format!("{minutes:.0}"))
        .y_label_formatter(&|teams| format!("{teams:.0}"))
        .draw()?;
    let worked = (usage.seconds - usage.idle) as f64;
    let start = minutes(usage.idle);
    let allowed = [(start, 0.0), (start + worked * share / 60.0, all)];
    let legend = |color: RGBColor| {
        move |(x, y)| PathElement::new([(x, y), (x + 20, y)], color.stroke_width(2))
    };
    chart
        .draw_series(DashedLineSeries::new(allowed, 6, 4, ALLOWED.stroke_width(2)))?
        .label(limit.to_string())
        .legend(legend(ALLOWED));
    let steps = progress.iter().map(|point| (minutes(point.seconds), point.teams as f64));
    chart
        .draw_series(LineSeries::new(steps, IN_SYNC.stroke_width(2)))?
        .label("teams in sync")
        .legend(legend(IN_SYNC));
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .label_font(text(13))
        .border_style(TRANSPARENT)
        .background_style(TRANSPARENT)
        .draw()?;
    Ok(())
}
