"""Small payloads in OASIS's own forms, written for the tests."""

import io
import zipfile

LMP_HEADER = (
    "INTERVALSTARTTIME_GMT,INTERVALENDTIME_GMT,OPR_DT,OPR_HR,OPR_INTERVAL,NODE_ID_XML,NODE_ID,NODE,MARKET_RUN_ID,"
    "LMP_TYPE,XML_DATA_ITEM,PNODE_RESMRID,GRP_TYPE,POS,{value},GROUP"
)
ITEMS = {
    "LMP": "LMP_PRC",
    "MCE": "LMP_ENE_PRC",
    "MCC": "LMP_CONG_PRC",
    "MCL": "LMP_LOSS_PRC",
    "MGHG": "LMP_GHG_PRC",
}


def zipped(**members: str | bytes) -> bytes:
    """A zip; `PRC_LMP__csv` becomes `PRC_LMP.csv`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in members.items():
            archive.writestr(name.replace("__", "."), body)
    return buffer.getvalue()


def lmp_row(start: str, end: str, node: str, kind: str, value: str, run: str = "RTM", day: str = "2026-07-14") -> str:
    return f"{start},{end},{day},1,1,{node},{node},{node},{run},{kind},{ITEMS[kind]},{node},ALL,1,{value},1"


def lmp_csv(rows: list[str], value: str = "MW") -> str:
    return "\n".join([LMP_HEADER.format(value=value), *rows]) + "\n"


def quarter(minute: int, hour: int = 7) -> tuple[str, str]:
    """A five-minute interval's GMT stamps on 2026-07-14."""
    end_hour, end_minute = divmod(hour * 60 + minute + 5, 60)
    return f"2026-07-14T{hour:02d}:{minute:02d}:00-00:00", f"2026-07-14T{end_hour:02d}:{end_minute:02d}:00-00:00"


def error_document(code: str, text: str, prefix: str = "m:") -> str:
    """OASIS's error document, with its namespace under a prefix or as the default."""
    p = prefix
    attribute = f"xmlns:{p[:-1]}" if p else "xmlns"
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<{p}OASISReport {attribute}='
        f'"http://www.caiso.com/soa/OASISReport_v1.xsd">\n<{p}MessagePayload><{p}RTO><{p}name>CAISO</{p}name>'
        f"<{p}ERROR><{p}ERR_CODE>{code}</{p}ERR_CODE><{p}ERR_DESC>{text}</{p}ERR_DESC></{p}ERROR>"
        f"</{p}RTO></{p}MessagePayload></{p}OASISReport>"
    )


def lmp_xml(rows: list[tuple[str, str, str, str, str]], run: str = "DAM", prefix: str = "") -> str:
    """OASIS's XML form; rows are (item, node, start, end, value)."""
    p = prefix
    attribute = f"xmlns:{p[:-1]}" if p else "xmlns"
    data = "".join(
        f"<{p}REPORT_DATA><{p}DATA_ITEM>{item}</{p}DATA_ITEM><{p}RESOURCE_NAME>{node}</{p}RESOURCE_NAME>"
        f"<{p}OPR_DATE>2026-07-14</{p}OPR_DATE><{p}INTERVAL_NUM>1</{p}INTERVAL_NUM>"
        f"<{p}INTERVAL_START_GMT>{start}</{p}INTERVAL_START_GMT><{p}INTERVAL_END_GMT>{end}</{p}INTERVAL_END_GMT>"
        f"<{p}VALUE>{value}</{p}VALUE></{p}REPORT_DATA>"
        for item, node, start, end, value in rows
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><{p}OASISReport {attribute}='
        f'"http://www.caiso.com/soa/OASISReport_v1.xsd"><{p}MessagePayload><{p}RTO><{p}name>CAISO</{p}name>'
        f"<{p}REPORT_ITEM><{p}REPORT_HEADER><{p}SYSTEM>OASIS</{p}SYSTEM><{p}TZ>PPT</{p}TZ>"
        f"<{p}REPORT>PRC_LMP</{p}REPORT><{p}MKT_TYPE>{run}</{p}MKT_TYPE><{p}UOM>US$/MWh</{p}UOM>"
        f"<{p}INTERVAL>ENDING</{p}INTERVAL><{p}SEC_PER_INTERVAL>3600</{p}SEC_PER_INTERVAL></{p}REPORT_HEADER>"
        f"{data}</{p}REPORT_ITEM></{p}RTO></{p}MessagePayload></{p}OASISReport>"
    )
