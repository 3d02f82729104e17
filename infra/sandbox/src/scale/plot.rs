//! Teams in step over time, beside what the limit would have allowed that was nearest.

use plotters::prelude::*;

use super::{FirstSync, Scale, Size};
use crate::costs::NotCounted;
use crate::load::not_as_meant;

/// In pixels.
const SIZE: (u32, u32) = (960, 400);

/// Readable on white as well as on black, since there is no background.
const INK: RGBColor = RGBColor(128, 128, 128);
const IN_STEP: RGBColor = RGBColor(45, 127, 249);
const ALLOWED: RGBColor = RGBColor(230, 126, 34);

/// Both first syncs, side by side, as SVG.
///
/// # Errors
/// None in practice: it is drawn into memory.
pub fn plot(scale: &Scale) -> Result<String, NotCounted> {
    let mut drawn = String::new();
    {
        let area = SVGBackend::with_string(&mut drawn, SIZE).into_drawing_area();
        for (area, sync) in area.split_evenly((1, 2)).iter().zip([&scale.one, &scale.many]) {
            draw(area, sync).map_err(not_as_meant)?;
        }
        area.present().map_err(not_as_meant)?;
    }
    Ok(drawn)
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type NotDrawn<'a> = DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>;

fn draw<'a>(area: &Area<'a>, sync: &FirstSync) -> Result<(), NotDrawn<'a>> {
    let FirstSync { size: Size { tenants, teams, .. }, taken, in_step } = sync;
    let (limit, share) = taken.nearest();
    let all = (tenants * teams) as f64;
    let minutes = |seconds: i64| seconds as f64 / 60.0;
    let text = |size: u32| ("sans-serif", size).into_font().color(&INK);
    let of = if *tenants == 1 { "one tenant".to_owned() } else { format!("each of {tenants} tenants") };
    let mut chart = ChartBuilder::on(area)
        .caption(format!("{teams} teams in {of}"), text(18))
        .margin(14)
        .x_label_area_size(40)
        .y_label_area_size(56)
        .build_cartesian_2d(0.0..minutes(taken.seconds), 0.0..all)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(INK.mix(0.25))
        .axis_style(INK)
        .label_style(text(13))
        .x_desc("minutes")
        .y_desc("teams in step")
        .x_label_formatter(&|minutes| format!("{minutes:.0}"))
        .y_label_formatter(&|teams| format!("{teams:.0}"))
        .draw()?;
    let worked = (taken.seconds - taken.idle) as f64;
    let allowed = [(minutes(taken.idle), 0.0), (minutes(taken.idle) + worked * share / 60.0, all)];
    chart
        .draw_series(DashedLineSeries::new(allowed, 6, 4, ALLOWED.stroke_width(2)))?
        .label(limit.to_string())
        .legend(|(x, y)| PathElement::new([(x, y), (x + 20, y)], ALLOWED.stroke_width(2)));
    let steps = in_step.iter().map(|(seconds, teams)| (minutes(*seconds), *teams as f64));
    chart
        .draw_series(LineSeries::new(steps, IN_STEP.stroke_width(2)))?
        .label("teams in step")
        .legend(|(x, y)| PathElement::new([(x, y), (x + 20, y)], IN_STEP.stroke_width(2)));
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .label_font(text(13))
        .border_style(TRANSPARENT)
        .background_style(TRANSPARENT)
        .draw()?;
    Ok(())
}
