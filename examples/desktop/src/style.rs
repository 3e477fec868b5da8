//! The look of the window, where it departs from egui's.

use eframe::egui::style::ScrollStyle;
use eframe::egui::{Color32, Context, TextStyle, Theme};

pub(crate) fn apply(context: &Context) {
    for theme in [Theme::Dark, Theme::Light] {
        // Weak text must be readable too.
        context.style_mut_of(theme, |style| {
            style.visuals.weak_text_alpha = 0.8;
            if theme == Theme::Dark {
                style.visuals.error_fg_color = Color32::from_rgb(255, 120, 110);
            }
            // Scroll bars beside the content, not over it.
            style.spacing.scroll = ScrollStyle { floating_allocated_width: 8.0, ..ScrollStyle::thin() };
            if let Some(small) = style.text_styles.get_mut(&TextStyle::Small) {
                small.size = 10.5;
            }
        });
    }
}
