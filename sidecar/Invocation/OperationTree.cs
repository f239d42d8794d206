using System.Text.RegularExpressions;
using Sidecar.Configuration;

namespace Sidecar.Invocation;

/// <summary>
/// The operations of a policy by their paths, found with Dapr's rules, which are narrower than they look: <c>*</c> as a
/// whole segment stands for any segment only at the end of a path, <c>**</c> for one segment within a path and for all
/// that is left at the end; a star within a segment for any letters. A path without wildcards also covers what is below it.
/// </summary>
internal sealed class OperationTree
{
    private const string AnySegment = "*";
    private const string AnyPath = "**";
    private readonly Node _root = new("");

    /// <param name="operations">The first of two with the same path counts.</param>
    public OperationTree(IEnumerable<AccessOperation> operations)
    {
        foreach (var operation in operations)
        {
            var node = _root;
            foreach (var segment in Segments(operation.Path))
            {
                if (node.Children.Find(c => c.Segment == segment) is not { } child)
                {
                    node.Children.Add(child = new Node(segment));
                }

                node = child;
            }

            node.Operation ??= operation;
        }
    }

    /// <summary>Null when no operation covers the path.</summary>
    public AccessOperation? Find(string path)
    {
        var node = _root;
        var segments = Segments(path);
        for (var i = 0; i < segments.Length; i++)
        {
            var last = i == segments.Length - 1;
            if (node.Child(segments[i], last) is not { } child)
            {
                return null;
            }

            node = child;
            var goesOn = !last && node.Segment.EndsWith(AnySegment, StringComparison.Ordinal) && !node.Segment.EndsWith(AnyPath, StringComparison.Ordinal);
            if (node.Operation is not null && !goesOn)
            {
                return node.Operation;
            }
        }

        return node.Child(AnySegment, last: true)?.Operation;
    }

    // Paths of HTTP apps are compared without regard to case.
    private static string[] Segments(string path) => path.TrimStart('/').ToLowerInvariant().Split('/');

    private sealed class Node(string segment)
    {
        public string Segment => segment;

        public List<Node> Children { get; } = [];

        public AccessOperation? Operation { get; set; }

        public Node? Child(string wanted, bool last) => Children.Find(c => c.Segment == wanted
            || (c.Segment == AnySegment ? last : c.Segment == AnyPath || Like(wanted, c.Segment)));

        private static bool Like(string text, string pattern) =>
            pattern.Contains('*', StringComparison.Ordinal) && Regex.IsMatch(text, $"^{Regex.Escape(pattern).Replace("\\*", ".*", StringComparison.Ordinal)}$");
    }
}
