using System.Globalization;
using YamlDotNet.RepresentationModel;

namespace Deployment.Tests.Model;

/// <summary>Strict shapes: a field that is not known is wrong, and so is one that is missing.</summary>
internal static class Shape
{
    public delegate void Wrong(YamlNode node, string message);

    /// <summary>Holds a value against a shape of <c>facts/shapes.yaml</c>.</summary>
    public static void Check(YamlNode value, YamlNode shape, string name, Wrong wrong)
    {
        switch (shape, value)
        {
            case (YamlScalarNode { Value: "any" }, _):
            case (YamlScalarNode { Value: "text" }, YamlScalarNode { Value.Length: > 0 } or YamlScalarNode { Value: "" }):
                return;
            case (YamlScalarNode { Value: "int" }, YamlScalarNode number) when int.TryParse(number.Value, CultureInfo.InvariantCulture, out _) && !number.IsQuoted():
            case (YamlScalarNode { Value: "bool" }, YamlScalarNode { Value: "true" or "false" } flag) when !flag.IsQuoted():
                return;
            case (YamlScalarNode { Value: "map" }, YamlMappingNode map):
                foreach (var (key, text) in map.Fields().Where(field => field.Value is not YamlScalarNode))
                {
                    wrong(text, $"'{name}.{key}' is no text");
                }

                return;
            case (YamlSequenceNode item, YamlSequenceNode items):
                foreach (var element in items)
                {
                    Check(element, item.Children[0], name, wrong);
                }

                return;
            case (YamlMappingNode known, YamlMappingNode fields):
                CheckFields(fields, known, name, wrong);
                return;
            default:
                wrong(value, $"'{name}' is not {(shape is YamlScalarNode { Value: { } type } ? "of the type " + type : "what is expected there")}");
                return;
        }
    }

    /// <summary>Holds a value against a schema of a custom resource definition.</summary>
    public static void CheckSchema(YamlNode value, YamlNode schema, string name, Wrong wrong)
    {
        if (schema.Text("x-kubernetes-preserve-unknown-fields") == "true")
        {
            return;
        }

        switch (schema.Text("type"), value)
        {
            case ("object", YamlMappingNode fields):
                foreach (var required in schema.Texts("required").Where(required => fields.Get(required) is null))
                {
                    wrong(value, $"'{name}' has no '{required}'");
                }

                var known = schema.Get("properties");
                foreach (var (key, child) in fields.Fields())
                {
                    if (known.Get(key) is { } property && property.Text("type") is not null)
                    {
                        CheckSchema(child, property, key, wrong);
                    }
                    else if (known.Get(key) is null && schema.Get("additionalProperties") is { } others)
                    {
                        CheckSchema(child, others, key, wrong);
                    }
                    else if (known.Get(key) is null && (known is not null || name != "metadata"))
                    {
                        wrong(child, $"'{name}' has no field '{key}'");
                    }
                }

                return;
            case ("array", YamlSequenceNode items):
                items.Children.ToList().ForEach(item => CheckSchema(item, schema.Get("items")!, name, wrong));
                return;
            case ("string", YamlScalarNode text) when !text.LooksLikeNoText():
            case ("integer", YamlScalarNode number) when int.TryParse(number.Value, CultureInfo.InvariantCulture, out _) && !number.IsQuoted():
            case ("boolean", YamlScalarNode { Value: "true" or "false" } flag) when !flag.IsQuoted():
                if (schema.Get("enum") is not null && !schema.Texts("enum").Contains(value.Text()))
                {
                    wrong(value, $"'{name}' is none of {string.Join(", ", schema.Texts("enum"))}");
                }

                return;
            case (null, _):
                return;
            default:
                wrong(value, $"'{name}' is not of the type {schema.Text("type")}");
                return;
        }
    }

    private static void CheckFields(YamlMappingNode fields, YamlMappingNode known, string name, Wrong wrong)
    {
        var shapes = known.Fields().ToDictionary(field => field.Key.TrimEnd('!'), field => field.Value);
        foreach (var (key, child) in fields.Fields())
        {
            if (shapes.TryGetValue(key, out var shape))
            {
                Check(child, shape, key, wrong);
            }
            else
            {
                wrong(child, $"'{name}' has no field '{key}'");
            }
        }

        foreach (var required in known.Fields().Where(field => field.Key.EndsWith('!')).Select(field => field.Key[..^1]).Where(key => fields.Get(key) is null))
        {
            wrong(fields, $"'{name}' has no '{required}'");
        }
    }
}
