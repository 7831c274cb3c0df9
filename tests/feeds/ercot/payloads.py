"""ERCOT payloads in the forms that its pages and files have, small and written by ourselves."""

import gzip
import io
import json
import zipfile

SPP_HEADER = (
    "DeliveryDate,DeliveryHour,DeliveryInterval,SettlementPointName,SettlementPointType,SettlementPointPrice,DSTFlag"
)
LMP_HEADER = "SCEDTimestamp,RepeatedHourFlag,SettlementPoint,LMP"
DAM_HEADER = "DeliveryDate,HourEnding,SettlementPoint,SettlementPointPrice,DSTFlag"
FORBIDDEN = b"<html><head><title>403 Forbidden</title></head><body>Request unsuccessful. Incident ID 7-1</body></html>"


def table(header: str, *rows: str) -> bytes:
    """A CSV."""
    return "\n".join([header, *rows, ""]).encode()


def zipped(*members: tuple[str, bytes]) -> bytes:
    """A zip of files by name."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in members:
            archive.writestr(name, body)
    return buffer.getvalue()


def gzipped(body: bytes) -> bytes:
    return gzip.compress(body, mtime=0)


def reply(fields: str, *rows: list[object], page: int = 1, pages: int = 1) -> bytes:
    """A page of the public API; `fields` are names with blanks between."""
    meta = {"totalRecords": len(rows), "pageSize": 100, "totalPages": pages, "currentPage": page}
    columns = [{"name": name, "dataType": "VARCHAR"} for name in fields.split()]
    return json.dumps({"_meta": meta, "fields": columns, "data": rows}).encode()


def document_list(*documents: tuple[str, str, str]) -> bytes:
    """A list of documents: id, friendly name, publication."""
    entries = [
        {"Document": {"DocID": doc, "FriendlyName": name, "PublishDate": published, "Extension": "zip"}}
        for doc, name, published in documents
    ]
    return json.dumps({"ListDocsByRptTypeRes": {"DocumentList": entries}}).encode()


def workbook(*sheets: tuple[str, list[list[str | float]]]) -> bytes:
    """A workbook as ERCOT writes them, with the wrong dimension `A1:A1`."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    names = "".join(
        f'<sheet name="{name}" sheetId="{n}" r:id="rId{n}"/>' for n, (name, _) in enumerate(sheets, start=1)
    )
    links = "".join(
        f'<Relationship Id="rId{n}" Type="{relations}/worksheet" Target="worksheets/Sheet{n}.xml"/>'
        for n in range(1, len(sheets) + 1)
    )
    parts = [
        (
            "[Content_Types].xml",
            f'<Types xmlns="{package}/content-types"><Default Extension="xml" ContentType="application/xml"/></Types>',
        ),
        (
            "_rels/.rels",
            f'<Relationships xmlns="{package}/relationships">{_root_link(relations)}</Relationships>',
        ),
        ("xl/workbook.xml", f'<workbook xmlns="{main}" xmlns:r="{relations}"><sheets>{names}</sheets></workbook>'),
        ("xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{package}/relationships">{links}</Relationships>'),
    ]
    for n, (_, rows) in enumerate(sheets, start=1):
        lines = "".join(f"<row>{''.join(map(_cell, row))}</row>" for row in rows)
        parts.append(
            (
                f"xl/worksheets/Sheet{n}.xml",
                f'<worksheet xmlns="{main}"><dimension ref="A1:A1"/><sheetData>{lines}</sheetData></worksheet>',
            )
        )
    return zipped(*((name, text.encode()) for name, text in parts))


def _root_link(relations: str) -> str:
    return f'<Relationship Id="rId1" Type="{relations}/officeDocument" Target="xl/workbook.xml"/>'


def _cell(value: str | float) -> str:
    if isinstance(value, str):
        return f'<c t="inlineStr"><is><t>{value}</t></is></c>'
    return f"<c><v>{value}</v></c>"
