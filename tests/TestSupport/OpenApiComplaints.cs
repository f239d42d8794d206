using System.Text.Json;

namespace TestSupport;

/// <summary>What is wrong with an OpenAPI document, by the rules that all services keep.</summary>
public static class OpenApiComplaints
{
    /// <summary>One sentence for each thing that is wrong; empty when all is well.</summary>
    public static IReadOnlyList<string> About(JsonElement document)
    {
        var complaints = new List<string>();
        if (document.GetProperty("openapi").GetString()?.StartsWith("3.1.", StringComparison.Ordinal) != true)
        {
            complaints.Add("The document is not OpenAPI 3.1.");
        }

        var ids = new HashSet<string>();
        foreach (var path in document.GetProperty("paths").EnumerateObject())
        {
            foreach (var operation in path.Value.EnumerateObject().Where(member => member.Value.TryGetProperty("responses", out _)))
            {
                About($"{operation.Name} {path.Name}", operation.Value, ids, complaints);
            }
        }

        FindLooseNumbers("", document, complaints);
        return complaints;
    }

    private static void About(string where, JsonElement operation, HashSet<string> ids, List<string> complaints)
    {
        if (!operation.TryGetProperty("operationId", out var id) || !ids.Add(id.GetString()!))
        {
            complaints.Add($"{where} has no operationId of its own.");
        }

        if (!operation.TryGetProperty("summary", out _))
        {
            complaints.Add($"{where} has no summary.");
        }

        foreach (var response in operation.GetProperty("responses").EnumerateObject())
        {
            // The framework's own words are the reason phrase of the status: two words that explain nothing.
            if (response.Value.GetProperty("description").GetString() is not { } description || !description.EndsWith('.'))
            {
                complaints.Add($"{where} does not describe {response.Name}.");
            }

            if (response.Name[0] is '4' or '5'
                && !where.Contains("/healthz", StringComparison.Ordinal)
                && !(response.Value.TryGetProperty("content", out var content) && content.TryGetProperty("application/problem+json", out _)))
            {
                complaints.Add($"{where} does not answer {response.Name} with a problem.");
            }
        }
    }

    private static void FindLooseNumbers(string where, JsonElement json, List<string> complaints)
    {
        if (json.ValueKind == JsonValueKind.Object)
        {
            foreach (var member in json.EnumerateObject())
            {
                if (member.Name == "type" && member.Value.ValueKind == JsonValueKind.Array
                    && member.Value.EnumerateArray().Any(t => t.ValueEquals("integer")) && member.Value.EnumerateArray().Any(t => t.ValueEquals("string")))
                {
                    complaints.Add($"{where} is an integer or a string.");
                }

                FindLooseNumbers($"{where}/{member.Name}", member.Value, complaints);
            }
        }
        else if (json.ValueKind == JsonValueKind.Array)
        {
            foreach (var item in json.EnumerateArray())
            {
                FindLooseNumbers($"{where}/-", item, complaints);
            }
        }
    }
}
