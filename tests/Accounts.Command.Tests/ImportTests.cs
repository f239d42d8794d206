using System.Diagnostics;
using System.Globalization;
using System.IO.Pipelines;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Accounts.Command.Import;

namespace Accounts.Command.Tests;

/// <summary>The import, as far as it needs no log: what it reads, and how it answers.</summary>
public class ImportTests(LonelyService service) : IClassFixture<LonelyService>
{
    private const string Header = CsvRow.Header + "\n";
    private static readonly string Longest = new('x', LineReader.MostBytes);

    public static TheoryData<string, string> Bodies => new()
    {
        { "a\nbb\nccc\n", "1:a 2:bb 3:ccc" },
        { "a\r\nbb\r\nccc", "1:a 2:bb 3:ccc" },
        { "\uFEFFa\n\n \t\r\nb\n", "1:a 4:b" },
        { "", "" },
        { "\n\n", "" },
        { "\r", "" },
        { $"a\n{Longest}\nb", $"1:a 2:{Longest} 3:b" },
        { $"a\n{Longest}\r\nb", $"1:a 2:{Longest} 3:b" },
        { $"a\n{Longest}x\nb\n", "1:a 2:! 3:b" },
        { $"{Longest}{Longest}{Longest}\n{Longest}x", "1:! 2:!" },
    };

    [Theory]
    [MemberData(nameof(Bodies))]
    public async Task A_body_is_read_line_by_line_however_it_arrives(string body, string lines)
    {
        foreach (var portion in (int[])[3, 1_000, int.MaxValue])
        {
            var pipe = new Pipe();
            var bytes = Encoding.UTF8.GetBytes(body);
            var writing = Task.Run(
                async () =>
                {
                    foreach (var some in bytes.Chunk(Math.Min(portion, Math.Max(1, bytes.Length))))
                    {
                        await pipe.Writer.WriteAsync(some, Stop);
                    }

                    await pipe.Writer.CompleteAsync();
                },
                Stop);
            var reader = new LineReader(pipe.Reader);
            var read = new List<string>();
            while (await reader.NextAsync(Stop) is { } line)
            {
                read.Add($"{line.Number}:{(line.IsTooLong ? "!" : Encoding.UTF8.GetString(line.Text.Span))}");
            }

            await writing;
            Assert.Equal(lines, string.Join(' ', read));
        }
    }

    [Theory]
    [InlineData("7,A-1,true", "")]
    [InlineData("\"7\",\"A-1\",\"false\"", "")]
    [InlineData("0,A,false", "")]
    [InlineData("7,A-1", "$")]
    [InlineData("7,A-1,true,", "$")]
    [InlineData("7,A-1,true,x", "$")]
    [InlineData("7,\"A-1,true", "$")]
    [InlineData("7,A\"1,true", "$")]
    [InlineData("7,\"A\"1,true", "$")]
    [InlineData("x,a,TRUE", "accountNumber,defaultAccount,userId")]
    [InlineData(" 7,A-1,true", "userId")]
    [InlineData("+7,A-1,true", "userId")]
    [InlineData("9007199254740992,A-1,true", "userId")]
    [InlineData("7,\"A\"\"1\",true", "accountNumber")]
    [InlineData(",,", "accountNumber,defaultAccount,userId")]
    [InlineData("7,IMPORT,true", "accountNumber")]
    public void A_row_has_three_fields_and_all_that_is_wrong_is_named(string row, string fields)
    {
        var wrong = new Dictionary<string, string[]>();

        var create = CsvRow.Read(Encoding.UTF8.GetBytes(row), wrong);

        Assert.Equal(fields, string.Join(',', wrong.Keys.Order(StringComparer.Ordinal)));
        Assert.Equal(fields.Length == 0, create is not null);
    }

    [Fact]
    public void A_row_that_is_not_UTF_8_is_refused()
    {
        var wrong = new Dictionary<string, string[]>();

        Assert.Null(CsvRow.Read([(byte)'7', (byte)',', 0xFF, (byte)',', (byte)'x'], wrong));
        Assert.Equal(["$"], wrong.Keys);
    }

    [Fact]
    public async Task Answers_wait_for_a_slow_client_without_being_held_in_memory()
    {
        const int Lines = 400_000;
        using var spool = new AnswerSpool();
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var client = new Pipe();
        var copying = spool.CopyToAsync(client.Writer, Stop);
        for (var i = 0; i < Lines; i++)
        {
            spool.Add(Encoding.UTF8.GetBytes(i.ToString("D99", CultureInfo.InvariantCulture)));
        }

        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, 4 << 20);
        spool.Complete();
        using var reader = new StreamReader(client.Reader.AsStream());
        for (var i = 0; i < Lines; i++)
        {
            Assert.Equal(i, int.Parse((await reader.ReadLineAsync(Stop))!, CultureInfo.InvariantCulture));
            if (i == Lines - 1)
            {
                await copying;
                await client.Writer.CompleteAsync();
            }
        }

        Assert.Null(await reader.ReadLineAsync(Stop));
    }

    [Theory]
    [InlineData("application/json", "{}", 415)]
    [InlineData("text/plain", "x", 415)]
    [InlineData("text/csv; charset=iso-8859-1", Header, 415)]
    [InlineData(null, "x", 415)]
    [InlineData("text/csv", "", 400)]
    [InlineData("text/csv", "7,A-1,true\n", 400)]
    [InlineData("text/csv", "accountNumber,userId,defaultAccount\n", 400)]
    [InlineData("text/csv; charset=utf-8", Header, 200)]
    [InlineData("text/csv", "\"userId\",\"accountNumber\",\"defaultAccount\"", 200)]
    [InlineData("application/x-ndjson", "", 200)]
    public async Task What_no_line_can_be_read_of_is_refused_as_a_whole(string? type, string body, int status)
    {
        using var answer = await Import(body, type);

        Assert.Equal(status, (int)answer.StatusCode);
        Assert.Equal(status == 200 ? "application/x-ndjson" : "application/problem+json", answer.Content.Headers.ContentType?.MediaType);
        Assert.Equal(status == 200, (await answer.Content.ReadAsStringAsync(Stop)).Length == 0);
    }

    [Fact]
    public async Task Bodies_come_unpacked()
    {
        using var content = new StringContent("x", null, "application/x-ndjson") { Headers = { { "Content-Encoding", "gzip" } } };

        using var answer = await service.Client.PostAsync("/v1/accounts/import", content, Stop);

        Assert.Equal(HttpStatusCode.UnsupportedMediaType, answer.StatusCode);
    }

    [Fact]
    public async Task Who_does_not_take_lines_of_JSON_gets_none()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/accounts/import") { Content = new StringContent("x", null, "text/csv"), Headers = { { "Accept", "text/html" } } };

        using var answer = await service.Client.SendAsync(request, Stop);

        Assert.Equal(HttpStatusCode.NotAcceptable, answer.StatusCode);
    }

    [Fact]
    public async Task Every_bad_line_has_its_problem_and_the_lines_are_counted_as_an_editor_does()
    {
        using var json = await Import($"{{}}\n\n{Longest}x\nnot JSON\n{{\"userId\":1,\"accountNumber\":\"1\",\"defaultAccount\":true,\"more\":1}}", "application/x-ndjson");
        using var csv = await Import(Header + "1,lower,true\r\n1\r\n", "text/csv");

        Assert.Equal(["1: 400 accountNumber defaultAccount userId", "3: 413 ", "4: 400 $", "5: 400 more"], await Problems(json));
        Assert.Equal(["2: 400 accountNumber", "3: 400 $"], await Problems(csv));
    }

    [Fact]
    public async Task A_body_of_any_length_is_answered_to_a_client_that_reads_only_after_it_has_sent_everything()
    {
        // Of 1,000,000 lines: LINES=1000000.
        var lines = int.Parse(Environment.GetEnvironmentVariable("LINES") ?? "150000", CultureInfo.InvariantCulture);
        using var tcp = new TcpClient();
        await tcp.ConnectAsync(IPAddress.Loopback, service.Client.BaseAddress!.Port, Stop);
        await using var stream = tcp.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"POST /v1/accounts/import HTTP/1.0\r\nContent-Type: text/csv\r\nContent-Length: {Header.Length + (2 * lines)}\r\n\r\n{Header}"), Stop);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var portion = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("x\n", 10_000)));
        var most = 0L;
        for (var sent = 0; sent < lines; sent += portion.Length / 2)
        {
            await stream.WriteAsync(portion.AsMemory(0, Math.Min(portion.Length, 2 * (lines - sent))), Stop);
            most = Math.Max(most, GC.GetTotalMemory(forceFullCollection: false) - before);
        }

        using var reader = new StreamReader(stream);
        var answered = 0;
        while (await reader.ReadLineAsync(Stop) is { } line)
        {
            answered += line.StartsWith("{\"line\":", StringComparison.Ordinal) ? 1 : 0;
        }

        Assert.Equal(lines, answered);
        Assert.InRange(most, long.MinValue, 64L << 20);
    }

    [Fact]
    public async Task A_line_is_answered_while_the_next_is_still_to_come_and_a_client_that_goes_ends_it()
    {
        using var tcp = new TcpClient();
        await tcp.ConnectAsync(IPAddress.Loopback, service.Client.BaseAddress!.Port, Stop);
        await using var stream = tcp.GetStream();
        using var reader = new StreamReader(stream, leaveOpen: true);
        await stream.WriteAsync(Encoding.ASCII.GetBytes("POST /v1/accounts/import HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"), Stop);
        var begun = Stopwatch.GetTimestamp();
        for (var line = 1; line <= 3; line++)
        {
            await stream.WriteAsync("2\r\nx\n\r\n"u8.ToArray(), Stop);
            string? answer;
            do
            {
                answer = await reader.ReadLineAsync(Stop);
            }
            while (answer?.StartsWith("{\"line\":", StringComparison.Ordinal) == false);

            Assert.StartsWith($"{{\"line\":{line},", answer, StringComparison.Ordinal);
        }

        tcp.Client.Close(0);
        Assert.InRange(Stopwatch.GetElapsedTime(begun), TimeSpan.Zero, TimeSpan.FromSeconds(5));
    }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private async Task<HttpResponseMessage> Import(string body, string? type)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/accounts/import") { Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body)) };
        request.Content.Headers.ContentType = type is null ? null : MediaTypeHeaderValue.Parse(type);
        return await service.Client.SendAsync(request, Stop);
    }

    private static async Task<List<string>> Problems(HttpResponseMessage answer) =>
        [.. (await answer.Content.ReadAsStringAsync(Stop)).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line =>
        {
            var json = JsonElement.Parse(line);
            var problem = json.GetProperty("problem");
            IEnumerable<string> wrong = problem.TryGetProperty("errors", out var errors) ? errors.EnumerateObject().Select(error => error.Name).Order(StringComparer.Ordinal) : [];
            return $"{json.GetProperty("line").GetInt64()}: {problem.GetProperty("status").GetInt32()} {string.Join(' ', wrong)}";
        })];
}
