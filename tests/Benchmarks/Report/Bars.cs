using System.Globalization;
using System.Net;
using System.Text;

namespace Benchmarks;

/// <summary>A picture: horizontal bars, each made of parts.</summary>
internal static class Bars
{
    private const int Left = 230;
    private const int Width = 640;
    private const int Height = 26;
    private const int Gap = 10;
    private static readonly string[] Colours =
        ["#4c78a8", "#f58518", "#54a24b", "#e45756", "#72b7b2", "#b279a2", "#eeca3b", "#9d755d", "#ff9da6", "#bab0ac"];

    /// <summary>Draws them as SVG.</summary>
    /// <param name="title">What is shown, with its unit.</param>
    /// <param name="bars">Each with a name and its parts, in order; parts of the same name have the same colour.</param>
    public static string Draw(string title, IReadOnlyList<(string Name, IReadOnlyList<(string Part, double Value)> Parts)> bars)
    {
        var most = bars.Max(bar => bar.Parts.Sum(part => part.Value));
        var names = bars.SelectMany(bar => bar.Parts).Select(part => part.Part).Distinct().ToList();
        var top = 34 + (18 * ((names.Count + 3) / 4));
        var svg = new StringBuilder();
        svg.Append(CultureInfo.InvariantCulture, $"""<svg xmlns="http://www.w3.org/2000/svg" width="{Left + Width + 80}" height="{top + (bars.Count * (Height + Gap)) + 10}" font-family="sans-serif" font-size="12">""");
        svg.Append(CultureInfo.InvariantCulture, $"""<rect width="100%" height="100%" fill="white"/><text x="10" y="20" font-size="14">{WebUtility.HtmlEncode(title)}</text>""");
        for (var i = 0; i < names.Count; i++)
        {
            var (x, y) = (10 + (230 * (i % 4)), 30 + (18 * (i / 4)));
            svg.Append(CultureInfo.InvariantCulture, $"""<rect x="{x}" y="{y}" width="12" height="12" fill="{Colours[i % Colours.Length]}"/><text x="{x + 18}" y="{y + 10}">{WebUtility.HtmlEncode(names[i])}</text>""");
        }

        for (var i = 0; i < bars.Count; i++)
        {
            var (name, parts) = bars[i];
            var y = top + (i * (Height + Gap));
            svg.Append(CultureInfo.InvariantCulture, $"""<text x="10" y="{y + 17}">{WebUtility.HtmlEncode(name)}</text>""");
            var x = (double)Left;
            foreach (var (part, value) in parts)
            {
                var width = value / most * Width;
                svg.Append(CultureInfo.InvariantCulture, $"""<rect x="{x:0.0}" y="{y}" width="{width:0.0}" height="{Height}" fill="{Colours[names.IndexOf(part) % Colours.Length]}"><title>{WebUtility.HtmlEncode(part)}: {value:0.#}</title></rect>""");
                if (width > 24)
                {
                    svg.Append(CultureInfo.InvariantCulture, $"""<text x="{x + (width / 2):0.0}" y="{y + 17}" fill="white" text-anchor="middle">{value:0}</text>""");
                }

                x += width;
            }

            svg.Append(CultureInfo.InvariantCulture, $"""<text x="{x + 6:0.0}" y="{y + 17}">{parts.Sum(part => part.Value):0}</text>""");
        }

        return svg.Append("</svg>\n").ToString();
    }
}
